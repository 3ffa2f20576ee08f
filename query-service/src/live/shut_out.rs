//! Who is shut out? Signed out, suspended, erased, or with an older password: heard from before the oldest token that still lives.

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use event_log::{EventLog, Freshness, Record, Start};
use events::{Event, StreamName, Subject, Time, UserEvent};
use futures::StreamExt;
use platform::auth::Revocations;
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// A revocation matters to tokens that still live: no access token is older than 15 minutes; a little more for rounding.
const MATTERS_FOR: TimeDelta = TimeDelta::minutes(16);
/// What is heard from so long ago on holds the last mark, if that matters: its time is by the clock of who relayed it,
/// where to begin by the log server's. Where these are a token's life apart, no token is taken anyway.
const HEARD_SINCE: TimeDelta = TimeDelta::minutes(32);
/// While the log is away.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Follows the public facts of people. `known` hears when all that was public at the start is known.
///
/// # Errors
/// When the log is not the one that was followed.
pub(super) async fn hear(
    log: Arc<dyn EventLog>,
    revocations: Arc<Revocations>,
    known: oneshot::Sender<()>,
) -> Result<()> {
    // The relay's mark is the last of each batch of such facts: who has heard it has heard those before it.
    let mark = mark(&*log).await.filter(|(_, at)| *at >= Utc::now() - MATTERS_FOR);
    let mut known = Some(known);
    let mut tell = |is_known: bool| {
        if is_known && let Some(known) = known.take() {
            // Who waits for it may have ended.
            let _ = known.send(());
        }
    };
    tell(mark.is_none());
    let subjects = vec!["chat.v1.user.>".to_owned(), Subject::Relay.to_string()];
    let mut records = log.follow(StreamName::Chat, Start::Time(Utc::now() - HEARD_SINCE), subjects);
    while let Some(record) = records.next().await {
        let record = record?;
        apply(&record, &revocations);
        tell(mark.is_some_and(|(seq, _)| record.seq >= seq));
    }
    Ok(())
}

/// Takes a record for what it says of who is shut out; most say nothing.
pub(super) fn apply(record: &Record, revocations: &Revocations) {
    let is_public_fact = matches!(record.subject.parse(), Ok(Subject::User(_)));
    // What cannot be decoded halts the projector, which says so.
    let Some(Ok(Event::User(change))) = is_public_fact.then(|| record.fact().map(|fact| fact.event)) else { return };
    match change.event {
        UserEvent::SessionClosed(closed) => revocations.close_session(closed.session),
        UserEvent::CredentialChanged(changed) => revocations.credential_number(changed.user, changed.number),
        UserEvent::Suspended(event) => revocations.suspend_user(event.user),
        UserEvent::Erased(event) => revocations.suspend_user(event.user),
        UserEvent::Expired(event) => revocations.suspend_user(event.user),
        UserEvent::Reinstated(event) => revocations.reinstate_user(event.user),
        UserEvent::Appeared(_) | UserEvent::ProfileChanged(_) | UserEvent::Upgraded(_) => {}
    }
}

/// Where the relay's mark is now, and since when.
async fn mark(log: &dyn EventLog) -> Option<(u64, Time)> {
    loop {
        match log.last(Subject::Relay, Freshness::Leader).await {
            // One that cannot be read is as good as none: nothing that follows it could be either.
            Ok(record) => return record?.fact().ok().map(|fact| (fact.seq, fact.envelope.time)),
            Err(error) => {
                tracing::warn!(%error, "waiting for the log");
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_log::{AppendError, Appended, Extent, FollowError, LogError};
    use events::{
        Actor, Change, Envelope, EventId, NewEvent, SessionId, User, UserId, UserKind,
        system::{Relay, RelayAdvanced, RelayEvent},
        user::{SessionClosed, UserAppeared},
    };
    use futures::{
        FutureExt,
        channel::mpsc::{Receiver, channel},
        future::BoxFuture,
        stream::BoxStream,
    };
    use platform::Caller;
    use std::sync::Mutex;
    use uuid::Uuid;

    const EVE: UserId = UserId(Uuid::from_u128(1));
    const SESSION: SessionId = SessionId(Uuid::from_u128(2));

    fn record(seq: u64, subject: Subject, time: Time, event: impl Into<Event>) -> Record {
        let id = EventId(Uuid::from_u128(u128::from(seq)));
        let envelope = Envelope::new(id, time, Actor::System, "test");
        let NewEvent { envelope, event, .. } = NewEvent { subject, envelope, event: event.into() };
        let headers = envelope.headers(event.event_type(), &subject);
        let headers = headers.into_iter().fold(async_nats::HeaderMap::new(), |mut all, (name, value)| {
            all.insert(name, value);
            all
        });
        Record { stream: StreamName::Chat, seq, subject: subject.to_string(), headers, body: event.body().into() }
    }

    fn mark_at(seq: u64, time: Time) -> Record {
        record(
            seq,
            Subject::Relay,
            time,
            Change::<RelayEvent, Relay>::of(None, RelayAdvanced { source_seq: seq }.into()),
        )
    }

    /// A log whose last mark is known, and whose records come when the test says so.
    struct Slow {
        mark: Record,
        records: Mutex<Option<Receiver<Record>>>,
    }

    impl EventLog for Slow {
        fn append(&self, _: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
            unreachable!("nothing is appended")
        }

        fn last(&self, _: Subject, _: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
            std::future::ready(Ok(Some(self.mark.clone()))).boxed()
        }

        fn read(&self, _: StreamName, _: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
            unreachable!("nothing is looked up")
        }

        fn extent(&self, _: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
            unreachable!("nobody asks how long it is")
        }

        fn follow(&self, _: StreamName, _: Start, _: Vec<String>) -> BoxStream<'static, Result<Record, FollowError>> {
            let records = self.records.lock().expect("not poisoned").take();
            records.expect("it is followed once").map(Ok).boxed()
        }
    }

    // Red with `tell(true)` before the first record: a socket would come in with a token that is void.
    #[tokio::test]
    async fn nobody_is_let_in_before_the_last_revocations_are_known() {
        let now = Utc::now();
        let caller = Caller {
            user: EVE,
            session: SESSION,
            kind: UserKind::Registered,
            credential: 1,
            expires_at: now + TimeDelta::minutes(10),
        };
        let (mut tell, records) = channel(1);
        let revocations = Arc::new(Revocations::default());
        let (known_by, mut known) = oneshot::channel();
        let log = Slow { mark: mark_at(8, now), records: Mutex::new(Some(records)) };
        let hearing = tokio::spawn(hear(Arc::new(log), Arc::clone(&revocations), known_by));
        let at = Time::UNIX_EPOCH;
        let eve = UserAppeared { user: EVE, display_name: "Eve".into(), kind: UserKind::Registered, at };
        let before = Change::<_, User>::of(None, UserEvent::from(eve)).after;
        let closed = UserEvent::from(SessionClosed { user: EVE, session: SESSION });
        let closed = record(7, Subject::User(EVE), now, Change::of(Some(before), closed));
        tell.try_send(closed).expect("it is heard");
        while !revocations.revoked(&caller) {
            tokio::task::yield_now().await;
        }
        assert!(known.try_recv().is_err(), "there is more to hear");
        tell.try_send(mark_at(8, now)).expect("it is heard");
        known.await.expect("all is known");
        hearing.abort();
    }

    #[tokio::test]
    async fn a_mark_that_is_older_than_any_token_is_not_waited_for() {
        let (_tell, records) = channel(1);
        let (known_by, known) = oneshot::channel();
        let log = Slow { mark: mark_at(8, Utc::now() - TimeDelta::minutes(17)), records: Mutex::new(Some(records)) };
        let hearing = tokio::spawn(hear(Arc::new(log), Arc::default(), known_by));
        known.await.expect("all is known");
        hearing.abort();
    }
}
