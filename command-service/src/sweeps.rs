//! How does what has run out come to an end in the log? A sweep finds it now and then; no rule waits for one.

mod due;

use crate::app::App;
use crate::domain::identity::session as rules;
use crate::handle::{Command, Creates, Outcome};
use crate::stamp::{self, Stamp};
use crate::tips::Age;
use due::Due;
use events::identity::Session;
use events::{Actor, Event, Subject};
use platform::{Code, Problem, Shutdown};
use sqlx::PgPool;
use std::time::Duration;

/// The pause after a sweep that could not go on, because the log or Postgres is away; doubled up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Starts to sweep, where this instance sweeps at all. Every instance may: of each session one writes the end, under
/// the tips that it was decided on, and the others find nothing to do.
pub(crate) fn start(app: App, pool: PgPool, every: Option<Duration>, shutdown: &Shutdown) {
    let Some(every) = every else { return };
    let ending = shutdown.clone();
    shutdown.spawn("sweeps", async move {
        tokio::select! {
            // A batch that was handed in is appended, or not, as a whole: also without anybody who waits for it.
            () = ending.cancelled() => {}
            () = sweep_for_ever(&app, &pool, every) => {}
        }
        Ok(())
    });
}

async fn sweep_for_ever(app: &App, pool: &PgPool, every: Duration) {
    // Instances that were started together do not sweep together.
    tokio::time::sleep(every.mul_f64(rand::random())).await;
    let mut pause = PAUSE;
    loop {
        let next = match sweep(app, pool).await {
            Ok(()) => {
                pause = PAUSE;
                every
            }
            Err(problem) => {
                metrics::counter!("sweeps_interrupted_total", "code" => problem.code.as_str()).increment(1);
                tracing::warn!(%problem, "the sweep goes on later");
                let now = pause;
                pause = (pause * 2).min(PAUSE_MAX);
                now
            }
        };
        tokio::time::sleep(next.mul_f64(rand::random_range(0.5..1.5))).await;
    }
}

/// Goes over everything that was due at its beginning, in the order in which it ran out.
async fn sweep(app: &App, pool: &PgPool) -> Result<(), Problem> {
    let now = stamp::now();
    let mut page = due::first(pool, now).await?;
    while let Some(last) = page.last().copied() {
        for due in page {
            end(app, due).await?;
        }
        page = due::after(pool, now, last).await?;
    }
    Ok(())
}

/// Ends it, if it is over: the row only says where to look. One at a time, so that no request waits for a sweep.
async fn end(app: &App, due: Due) -> Result<(), Problem> {
    let (session, account) = (Subject::Session(due.session), Subject::Account(due.user));
    let stamp = Stamp::new(Actor::System, "sweep");
    let needs = vec![(session, Age::Fresh), (account, Age::Fresh)];
    let command = Command { name: "expire", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let state = basis.state::<Session>(session);
        let ending = rules::expire(due.session, state, basis.state(account), stamp.now);
        Ok(ending.map_or_else(Vec::new, |ending| basis.ending(session, account, ending)))
    });
    match outcome.await {
        Ok(outcome) => count(&outcome),
        // Somebody is busy with it, or it cannot be read, which was logged: it must not hold up all behind it.
        Err(problem) if matches!(problem.code, Code::Conflict | Code::Internal) => {}
        Err(problem) => return Err(problem),
    }
    Ok(())
}

fn count(outcome: &Outcome) {
    for fact in outcome.applied() {
        let what = if matches!(fact.event, Event::Account(_)) { "guest" } else { "session" };
        metrics::counter!("swept_total", "what" => what).increment(1);
    }
}
