//! What does this instance have to hear from the log? Whose tokens are void, how people are called, how far the relay is.

use crate::relay::Passed;
use crate::tips::Tips;
use anyhow::{Context, bail};
use chrono::TimeDelta;
use event_log::{EventLog, Fact, Freshness, Start};
use events::user::Standing;
use events::{Change, Epoch, Event, StreamName, Subject, User, UserEvent, system::EpochEvent};
use futures::StreamExt;
use platform::Shutdown;
use platform::auth::Revocations;
use std::sync::Arc;
use std::time::Duration;

/// Older revocations concern tokens that are over by themselves: their fifteen minutes and one for the clocks.
const REVOCATIONS_OF: TimeDelta = TimeDelta::minutes(16);
/// A mark that is older than this is no later than the last revocation that still matters.
const MARK_OF: TimeDelta = TimeDelta::seconds(15 * 60 + 30);
/// While the log is away.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Who is told what was heard.
pub(crate) struct Hears {
    pub(crate) tips: Arc<Tips>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) passed: Passed,
    pub(crate) epoch: Epoch,
    /// Where in `CHAT` the epoch began.
    pub(crate) epoch_at: u64,
}

/// Starts to follow the public facts of people, the relay's marks and the epoch.
pub(crate) fn start(log: Arc<dyn EventLog>, hears: Hears, shutdown: &Shutdown) {
    let ending = shutdown.clone();
    shutdown.spawn("follow", async move {
        tokio::select! {
            () = ending.drained() => Ok(()),
            ended = hears.follow(log) => ended,
        }
    });
}

/// The few subjects of `CHAT` that concern every instance.
fn filters() -> Vec<String> {
    vec!["chat.v1.user.*".to_owned(), Subject::Relay.to_string(), Subject::Epoch(StreamName::Chat).to_string()]
}

impl Hears {
    async fn follow(self, log: Arc<dyn EventLog>) -> anyhow::Result<()> {
        let since = crate::stamp::now() - REVOCATIONS_OF;
        self.mark(&*log).await?;
        let mut records = log.follow(StreamName::Chat, Start::Time(since), filters());
        while let Some(record) = records.next().await {
            let record = record?;
            let fact = record.fact().with_context(|| format!("CHAT at {} cannot be read", record.seq))?;
            self.apply(fact)?;
        }
        bail!("CHAT was followed to an end that it does not have")
    }

    /// The relay's mark as it is, when following from a quarter of an hour ago would not come across it.
    async fn mark(&self, log: &dyn EventLog) -> anyhow::Result<()> {
        let mark = loop {
            match log.last(Subject::Relay, Freshness::Leader).await {
                Ok(record) => break record.map(|record| record.fact()).transpose().context("the relay's mark")?,
                Err(error) => {
                    tracing::warn!(%error, "waiting for the log");
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                }
            }
        };
        if let Some(Fact { seq, envelope, event: Event::Relay(Change { after, .. }), .. }) = mark
            && envelope.time < crate::stamp::now() - MARK_OF
        {
            self.passed.advance(after.source_seq, seq);
            self.passed.followed_to(seq);
        }
        Ok(())
    }

    fn apply(&self, fact: Fact) -> anyhow::Result<()> {
        match &fact.event {
            Event::Relay(Change { after, .. }) => {
                self.passed.advance(after.source_seq, fact.seq);
                self.passed.followed_to(fact.seq);
            }
            // Epochs have no order of their own; those before ours are heard first, ours ends them.
            Event::Epoch(EpochEvent::Started(started)) if fact.seq > self.epoch_at && started.epoch != self.epoch => {
                bail!("the log began epoch {} while this instance was in {}: restart it", started.epoch.0, self.epoch.0)
            }
            Event::Epoch(EpochEvent::Started(_)) => {}
            Event::User(Change { event, after }) => {
                self.revoke(fact.subject, event, after);
                self.tips.overhear(fact);
            }
            // None of these is on a subject that is followed.
            Event::Drop(_) | Event::Phone(_) | Event::Account(_) | Event::Credential(_) | Event::Session(_) => {}
            Event::Lounge(_) | Event::Room(_) | Event::Membership(_) | Event::Message(_) | Event::Report(_) => {}
            Event::Presence(_) | Event::Marker(_) => {}
        }
        Ok(())
    }

    fn revoke(&self, subject: Subject, event: &UserEvent, after: &User) {
        let Subject::User(user) = subject else { return };
        if let UserEvent::SessionClosed(closed) = event {
            self.revocations.close_session(closed.session);
        }
        if let UserEvent::CredentialChanged(_) = event {
            self.revocations.credential_number(user, after.credential);
        }
        match after.standing {
            Standing::Active if matches!(event, UserEvent::Reinstated(_)) => self.revocations.reinstate_user(user),
            Standing::Active => {}
            Standing::Suspended | Standing::Expired | Standing::Erased => self.revocations.suspend_user(user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::UserId;
    use uuid::Uuid;

    #[test]
    fn the_filters_are_the_subjects_of_the_vocabulary() {
        let person = Subject::User(UserId(Uuid::from_u128(1))).to_string();
        let (prefix, _) = person.rsplit_once('.').expect("tokens");
        assert_eq!(format!("{prefix}.*"), filters()[0]);
    }
}
