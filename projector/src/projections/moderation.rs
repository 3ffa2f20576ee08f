//! What was reported, and what did moderators do? `rm.moderation`: one row for each such fact, whatever it changed.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use event_log::Fact;
use events::{
    Event, MembershipEvent, MessageEvent, MessageId, Role, RoomId, Subject, Time, UserId,
    message::{MessageStatus, RemovalCause, ReportEvent},
};
use std::collections::BTreeMap;
use tokio_postgres::Error;

const INSERT: &str = "
    insert into moderation (position, room_id, at, actor_id, action, message_id, user_id, role, reason, until)
    select * from unnest(
        $1::bigint[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
        $9::text[], $10::timestamptz[]
    )";

/// By position.
#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<u64, Row<'a>>);

struct Row<'a> {
    room: RoomId,
    fact: &'a Fact,
    act: Act<'a>,
}

/// What was done to whom or what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Act<'a> {
    pub(super) action: &'static str,
    pub(super) message: Option<MessageId>,
    pub(super) user: Option<UserId>,
    pub(super) role: Option<Role>,
    pub(super) reason: Option<&'a str>,
    pub(super) until: Option<Time>,
}

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, fact: &'a Fact) {
        if let Some((room, act)) = act(fact) {
            self.0.insert(fact.seq, Row { room, fact, act });
        }
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let envelopes = || self.0.values().map(|row| &row.fact.envelope);
        let acts = || self.0.values().map(|row| &row.act);
        let positions: Vec<_> = self.0.keys().map(|position| bigint(*position)).collect();
        let rooms: Vec<_> = self.0.values().map(|row| row.room.0).collect();
        let times: Vec<_> = envelopes().map(|envelope| envelope.time).collect();
        let actors: Vec<_> = envelopes().map(|envelope| envelope.actor.user().map(|user| user.0)).collect();
        let actions: Vec<_> = acts().map(|act| act.action).collect();
        let messages: Vec<_> = acts().map(|act| act.message.map(|message| message.0)).collect();
        let users: Vec<_> = acts().map(|act| act.user.map(|user| user.0)).collect();
        let roles: Vec<_> = acts().map(|act| act.role.map(Role::as_str)).collect();
        let reasons: Vec<_> = acts().map(|act| act.reason).collect();
        let untils: Vec<_> = acts().map(|act| act.until).collect();
        let insert = transaction.prepare_cached(INSERT).await?;
        transaction
            .execute(
                &insert,
                &[&positions, &rooms, &times, &actors, &actions, &messages, &users, &roles, &reasons, &untils],
            )
            .await?;
        Ok(())
    }
}

fn act(fact: &Fact) -> Option<(RoomId, Act<'_>)> {
    match (&fact.event, fact.subject) {
        (Event::Report(ReportEvent::Reported(reported)), Subject::RoomReports(room)) => {
            let (message, reason) = (Some(reported.message), reported.reason.as_deref());
            Some((room, Act { action: "reported", message, reason, ..Act::default() }))
        }
        (Event::Message(event), Subject::RoomMessages(room)) => Some((room, on_messages(event)?)),
        (Event::Membership(change), Subject::Member(room, user)) => Some((room, on_member(&change.event, user)?)),
        (Event::Report(_) | Event::Message(_) | Event::Membership(_), _) => None,
        (Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Phone(_) | Event::Account(_), _)
        | (Event::Credential(_) | Event::Session(_) | Event::User(_) | Event::Lounge(_) | Event::Room(_), _)
        | (Event::Presence(_) | Event::Marker(_), _) => None,
    }
}

fn on_messages(event: &MessageEvent) -> Option<Act<'_>> {
    match event {
        MessageEvent::Moderated(moderated) => {
            let action = match moderated.status {
                MessageStatus::Visible => "restored",
                MessageStatus::Hidden => "hidden",
                MessageStatus::Removed => "removed",
                // Deleting is the author's alone: it changes nothing here either.
                MessageStatus::Deleted => return None,
            };
            let (message, reason) = (Some(moderated.message), moderated.reason.as_deref());
            Some(Act { action, message, reason, ..Act::default() })
        }
        MessageEvent::AllRemoved(removed) => match removed.why {
            RemovalCause::Moderation => {
                let (user, reason) = (Some(removed.user), removed.reason.as_deref());
                Some(Act { action: "removed_all", user, reason, ..Act::default() })
            }
            // An account's end is nobody's judgement.
            RemovalCause::Erasure => None,
        },
        MessageEvent::Posted(_)
        | MessageEvent::Edited(_)
        | MessageEvent::Deleted(_)
        | MessageEvent::ReactionAdded(_)
        | MessageEvent::ReactionRemoved(_) => None,
    }
}

fn on_member(event: &MembershipEvent, user: UserId) -> Option<Act<'_>> {
    let act = Act { user: Some(user), ..Act::default() };
    Some(match event {
        MembershipEvent::Kicked(kick) => Act { action: "kicked", reason: kick.reason.as_deref(), ..act },
        MembershipEvent::Banned(ban) => {
            Act { action: "banned", reason: ban.reason.as_deref(), until: ban.until, ..act }
        }
        MembershipEvent::Unbanned(_) => Act { action: "unbanned", ..act },
        MembershipEvent::Muted(mute) => {
            Act { action: "muted", reason: mute.reason.as_deref(), until: mute.until, ..act }
        }
        MembershipEvent::Unmuted(_) => Act { action: "unmuted", ..act },
        MembershipEvent::RoleChanged(changed) => Act { action: "role", role: Some(changed.role), ..act },
        MembershipEvent::Joined(_) | MembershipEvent::Added(_) | MembershipEvent::Left(_) => return None,
    })
}
