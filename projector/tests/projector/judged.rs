//! Are the texts that were replaced, and what moderators did, those that a reader of the whole log would write down?

use crate::log::{Cuts, Script};
use crate::{FACTS, Running, history, never, random_cuts, tables::Tables};
use event_log::{Fact, Record};
use events::{
    Event, MembershipEvent, MessageEvent, MessageId, RoomId, Subject, UserId,
    message::{MessageStatus, RemovalCause},
};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// A message, as somebody notes it who reads event by event.
struct Noted {
    room: RoomId,
    author: UserId,
    is_deleted: bool,
    /// Position and text, the one that stands last.
    texts: Vec<(u64, String)>,
}

fn facts(chat: &[Record]) -> Vec<Fact> {
    chat.iter().map(|record| record.fact().expect("a fact")).collect()
}

/// Every text that was replaced, of what is not deleted: message, position, text.
fn replaced(chat: &[Record]) -> Vec<(Uuid, i64, String)> {
    let mut noted: BTreeMap<MessageId, Noted> = BTreeMap::new();
    for Fact { seq, subject, event, .. } in facts(chat) {
        let (Event::Message(event), Subject::RoomMessages(room)) = (event, subject) else { continue };
        match event {
            MessageEvent::Posted(said) => {
                let texts = vec![(seq, said.text)];
                let first = Noted { room, author: said.author, is_deleted: false, texts };
                noted.entry(said.message).or_insert(first);
            }
            MessageEvent::Edited(edited) => {
                if let Some(message) = noted.get_mut(&edited.message).filter(|message| message.room == room)
                    && !message.is_deleted
                {
                    message.texts.push((seq, edited.text));
                }
            }
            MessageEvent::Deleted(deleted) => {
                let message = noted.get_mut(&deleted.message).filter(|message| message.room == room);
                message.into_iter().for_each(|message| message.is_deleted = true);
            }
            MessageEvent::AllRemoved(removed) if removed.why == RemovalCause::Erasure => {
                let theirs = noted.values_mut().filter(|noted| noted.room == room && noted.author == removed.user);
                theirs.for_each(|message| message.is_deleted = true);
            }
            MessageEvent::AllRemoved(_)
            | MessageEvent::Moderated(_)
            | MessageEvent::ReactionAdded(_)
            | MessageEvent::ReactionRemoved(_) => {}
        }
    }
    let kept = noted.into_iter().filter(|(_, message)| !message.is_deleted);
    let older = kept.flat_map(|(id, mut message)| {
        message.texts.pop();
        message.texts.into_iter().map(move |(position, text)| (id.0, position as i64, text))
    });
    older.collect()
}

fn action(event: &Event) -> Option<&'static str> {
    match event {
        Event::Report(_) => Some("reported"),
        Event::Message(event) => message_action(event),
        Event::Membership(change) => match change.event {
            MembershipEvent::Kicked(_) => Some("kicked"),
            MembershipEvent::Banned(_) => Some("banned"),
            MembershipEvent::Unbanned(_) => Some("unbanned"),
            MembershipEvent::Muted(_) => Some("muted"),
            MembershipEvent::Unmuted(_) => Some("unmuted"),
            MembershipEvent::RoleChanged(_) => Some("role"),
            MembershipEvent::Joined(_) | MembershipEvent::Added(_) | MembershipEvent::Left(_) => None,
        },
        Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Phone(_) | Event::Account(_) => None,
        Event::Credential(_) | Event::Session(_) | Event::User(_) | Event::Lounge(_) | Event::Room(_) => None,
        Event::Presence(_) | Event::Marker(_) => None,
    }
}

fn message_action(event: &MessageEvent) -> Option<&'static str> {
    match event {
        MessageEvent::Moderated(moderated) => match moderated.status {
            MessageStatus::Visible => Some("restored"),
            MessageStatus::Hidden => Some("hidden"),
            MessageStatus::Removed => Some("removed"),
            MessageStatus::Deleted => None,
        },
        MessageEvent::AllRemoved(all) => (all.why == RemovalCause::Moderation).then_some("removed_all"),
        MessageEvent::Posted(_) | MessageEvent::Edited(_) | MessageEvent::Deleted(_) => None,
        MessageEvent::ReactionAdded(_) | MessageEvent::ReactionRemoved(_) => None,
    }
}

// Red without `versions::of_posted` (posted and edited in one batch), without `text_position` in UPDATE, without FORGET or
// FORGET_ALL, and with the removal of all by a moderator in place of the erasure's.
#[tokio::test]
async fn every_text_that_was_replaced_is_kept_until_its_message_is_deleted() {
    let tables = Tables::new().await;
    let mut texts = 0;
    // Short ones too: in a long one what is posted and edited in one batch is mostly deleted later.
    for (seed, count) in [(70, FACTS / 2), (71, 100), (72, 100), (73, 100), (74, 200), (75, 200)] {
        let (chat, small) = (history::chat(seed, count), history::small(seed, 5));
        let wanted = replaced(&chat);
        texts += wanted.len();
        for cuts in [never(), Arc::new(|_| true) as Cuts, random_cuts(seed)] {
            tables.empty().await;
            Running::start(Script::new(chat.clone(), small.clone(), cuts), &tables).finishes().await;
            let query = "select message_id, position, text from rm.message_versions order by message_id, position";
            let found: Vec<(Uuid, i64, String)> =
                sqlx::query_as(query).fetch_all(&mut tables.operator().await).await.expect("readable");
            assert_eq!(found, wanted, "seed {seed}");
        }
    }
    assert!(texts > 40, "{texts} texts are replaced");
}

// Red with any arm of `act` that answers `None`.
#[tokio::test]
async fn every_report_and_every_act_of_moderation_is_in_the_audit() {
    let tables = Tables::new().await;
    let chat = history::chat(80, FACTS);
    let wanted: Vec<(i64, String)> =
        facts(&chat).iter().filter_map(|fact| Some((fact.seq as i64, action(&fact.event)?.to_owned()))).collect();
    tables.empty().await;
    Running::start(Script::new(chat, history::small(80, 5), random_cuts(1)), &tables).finishes().await;
    let found: Vec<(i64, String)> = sqlx::query_as("select position, action from rm.moderation order by position")
        .fetch_all(&mut tables.operator().await)
        .await
        .expect("readable");
    assert_eq!(found, wanted);
    let kinds = "select count(distinct action) from rm.moderation";
    assert_eq!(tables.one::<i64>(kinds).await, 11, "the history does everything");
    let told = "select count(*) from rm.moderation where action = 'muted' and until is not null and reason = 'rude'
                  and user_id is not null and actor_id is not null";
    let all = "select count(*) from rm.moderation where action = 'muted'";
    assert_eq!(tables.one::<i64>(told).await, tables.one::<i64>(all).await);
}
