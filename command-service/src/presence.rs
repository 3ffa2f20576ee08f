//! How does somebody's coming and going become a fact? Leases are watched; what differs from the log for long enough is appended.

mod board;

use crate::app::App;
use crate::config::PresenceArgs;
use crate::domain::presence as rules;
use crate::handle::{Command, Creates};
use crate::stamp::Stamp;
use crate::tips::Age;
use anyhow::{Context, bail};
use board::{Board, Patience};
use event_log::{Fact, JetStream, Latest, Lease, Leases, Record};
use events::{Actor, DecodeError, Event, Presence, PresenceState, StreamName, Subject, UserId};
use futures::StreamExt;
use futures::future::join_all;
use platform::{Problem, Shutdown};
use tokio::time::{Instant, sleep_until};

/// Changes that are decided at once: they share their appends, and the watching waits for them.
const AT_ONCE: usize = 64;

/// Where presence is read: the bucket of leases, and the log that keeps the transitions.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) leases: Leases,
    pub(crate) log: JetStream,
}

/// Starts to watch. Every instance does: of each change one writes the fact, under the tip of the person, and the others
/// find it there.
pub(crate) fn start(app: App, sources: Sources, args: PresenceArgs, shutdown: &Shutdown) {
    let board = Board::new(Patience { grace: args.grace(), lease: args.lease() });
    let ending = shutdown.clone();
    shutdown.spawn("presence", async move {
        tokio::select! {
            () = ending.cancelled() => Ok(()),
            ended = watch(app, sources, board) => ended,
        }
    });
}

async fn watch(app: App, sources: Sources, mut board: Board) -> anyhow::Result<()> {
    let mut leases = sources.leases.watch();
    let mut logged = sources.log.latest(StreamName::Presence, "prs.v1.user.*".to_owned());
    loop {
        let due = board.next_due();
        tokio::select! {
            told = leases.next() => hear_lease(&mut board, told.context("the leases are told for ever")?),
            told = logged.next() => hear_log(&mut board, told.context("the log is told for ever")?)?,
            () = until(due) => append_due(&app, &mut board).await,
        }
        metrics::gauge!("presence_people").set(board.people() as f64);
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn hear_lease(board: &mut Board, told: Latest<Lease>) {
    match told {
        Latest::Away => board.leases_are_away(),
        Latest::Told(lease) => board.lease(lease.key, lease.state, Instant::now()),
        Latest::Whole => board.leases_are_told(Instant::now()),
    }
}

fn hear_log(board: &mut Board, told: Latest<Record>) -> anyhow::Result<()> {
    match told {
        Latest::Away => board.log_is_away(),
        Latest::Told(record) => {
            if let Some((user, presence)) = understood(&record)? {
                board.logged(user, presence.state, Instant::now());
            }
        }
        Latest::Whole => board.log_is_told(Instant::now()),
    }
    Ok(())
}

/// What a record says of somebody. A type that a newer release wrote is the end: who passed over it would write over it.
fn understood(record: &Record) -> anyhow::Result<Option<(UserId, Presence)>> {
    match record.fact() {
        Ok(Fact { subject: Subject::Presence(user), event: Event::Presence(change), .. }) => {
            Ok(Some((user, change.after)))
        }
        Ok(Fact { subject, .. }) => bail!("{subject} is nobody's presence"),
        Err(error @ DecodeError::UnknownType(_)) => {
            Err(error).with_context(|| format!("PRESENCE at {} was written by a newer release", record.seq))
        }
        // One broken record is no reason to refuse everybody.
        Err(error @ DecodeError::Malformed { .. }) => {
            tracing::error!(seq = record.seq, %error, "a broken record of PRESENCE is passed over");
            Ok(None)
        }
    }
}

async fn append_due(app: &App, board: &mut Board) {
    let due = board.take_due(Instant::now(), AT_ONCE);
    let settled = due.into_iter().map(|(user, shown)| async move { (user, settle(app, user, shown).await) });
    for (user, settled) in join_all(settled).await {
        match settled {
            Ok(state) => board.logged(user, state, Instant::now()),
            Err(problem) => {
                tracing::warn!(%problem, "somebody's presence is told later");
                board.try_again(user, Instant::now());
            }
        }
    }
}

/// The log says of somebody what he shows, by us or by another instance; gives what it says.
async fn settle(app: &App, user: UserId, shown: PresenceState) -> Result<PresenceState, Problem> {
    let subject = Subject::Presence(user);
    let stamp = Stamp::new(Actor::System, "presence");
    let needs = vec![(subject, Age::Any)];
    let command = Command { name: "change-presence", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let changed = rules::change(user, basis.state(subject), shown, stamp.now);
        Ok(changed.map(|changed| basis.change::<Presence>(subject, changed)).into_iter().collect())
    });
    let outcome = outcome.await?;
    Ok(rules::logged(outcome.state(subject)))
}
