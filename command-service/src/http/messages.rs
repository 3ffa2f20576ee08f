//! Commands of changing and taking back what was said.

pub(super) mod moderate;
pub(super) mod post;
pub(super) mod react;
pub(super) mod report;

use super::answer::Done;
use super::fields::Fields;
use super::me::Me;
use super::{refused, resource};
use crate::app::App;
use crate::domain::membership::member;
use crate::domain::message::{self, Original};
use crate::domain::text::MessageText;
use crate::handle::{Basis, Command, Creates, Draft, Outcome, Repeat};
use crate::lookup::Known;
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use event_log::Fact;
use events::message::MessageStatus;
use events::{Event, Membership, MessageEvent, MessageId, Position, Room, RoomId, Subject, Time};
use platform::extract::{Json, Path};
use platform::{Code, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A message's new text.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    /// 1 to 4,000 code points, stored exactly as sent.
    #[schema(example = "hello, all")]
    text: String,
}

/// A message, and from where on it can be read so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageDone {
    message: resource::Message,
    #[schema(value_type = String, example = "AAAAAQAAAAAAAAAq")]
    position: Position,
}

/// Edit one's own message, for 24 hours
#[utoipa::path(
    patch,
    path = "/v1/rooms/{id}/messages/{message}",
    operation_id = "edit_message",
    tag = "messages",
    params(("id" = Uuid, Path), ("message" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Edit,
    responses((status = 200, description = "Edited.", body = MessageDone), refused::Message),
    security(("token" = [])),
)]
pub(super) async fn edit(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, id)): Path<(RoomId, MessageId)>,
    Json(request): Json<Edit>,
) -> Result<Done<MessageDone>, Problem> {
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let Some(text) = fields.read("/text", MessageText::parse(request.text)) else { return Err(fields.into()) };
    app.posts(&me.id, me.kind)?;
    let place = InRoom::new(room, &me);
    let known = place.message(&app, &me, id, stamp.now).await?;
    let outcome = app.handler.handle(place.command(&app, "edit", &stamp), |basis| {
        let (room, member) = (basis.state(place.room), basis.state(place.member));
        let event = message::edit(room, member, &known.original, &text, me.id, stamp.now)?;
        Ok(place.draft(basis, event).into_iter().collect())
    });
    let outcome = outcome.await?;
    let (seq, repeat) = (outcome.chat_seq(), outcome.repeat());
    let Outcome::Applied { facts, .. } = outcome else { return Err(Problem::internal()) };
    let edited = facts.first().and_then(|fact| match &fact.event {
        Event::Message(MessageEvent::Edited(edited)) => Some((edited.text.clone(), fact.envelope.time)),
        _ => None,
    });
    let (text, edited_at) = edited.ok_or_else(Problem::internal)?;
    let message = resource::Message {
        text: Some(text),
        edited_at: Some(edited_at),
        ..written(me.person(), &known.original, None)
    };
    let position = app.position(seq);
    Ok(Done::ok(position, repeat, MessageDone { message, position }))
}

/// Take back one's own message, for good
#[utoipa::path(
    delete,
    path = "/v1/rooms/{id}/messages/{message}",
    operation_id = "delete_message",
    tag = "messages",
    params(("id" = Uuid, Path), ("message" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Deleted, now or already.", body = MessageDone), refused::Message),
    security(("token" = [])),
)]
pub(super) async fn delete(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, id)): Path<(RoomId, MessageId)>,
) -> Result<Done<MessageDone>, Problem> {
    app.posts(&me.id, me.kind)?;
    let place = InRoom::new(room, &me);
    let known = place.message(&app, &me, id, stamp.now).await?;
    let outcome = app.handler.handle(place.command(&app, "delete", &stamp), |basis| {
        let (room, member) = (basis.state(place.room), basis.state(place.member));
        let event = message::delete(room, member, &known.original, me.id, stamp.now)?;
        Ok(event.and_then(|event| place.draft(basis, event)).into_iter().collect())
    });
    let outcome = outcome.await?;
    let seq = match &outcome {
        Outcome::Applied { .. } => outcome.chat_seq(),
        // The deletion is what the look-up knew of.
        Outcome::Unchanged(basis) | Outcome::Forgotten { now: basis, .. } => basis.chat_seq().max(known.seq),
    };
    let position = app.position(seq);
    let message = written(me.person(), &known.original, Some(MessageStatus::Deleted));
    Ok(Done::ok(position, outcome.repeat(), MessageDone { message, position }))
}

/// What every command on messages stands on: the room, and the caller's place in it.
pub(super) struct InRoom {
    id: RoomId,
    pub(super) room: Subject,
    pub(super) member: Subject,
}

impl InRoom {
    pub(super) fn new(id: RoomId, me: &Me) -> Self {
        Self { id, room: Subject::Room(id), member: Subject::Member(id, me.id) }
    }

    pub(super) fn command<'a>(&self, app: &App, name: &'static str, stamp: &'a Stamp) -> Command<'a> {
        let needs = vec![(self.room, Age::AtMost(app.room_age_max)), (self.member, Age::Any)];
        Command { name, stamp, needs, creates: Creates::Entry(Subject::RoomMessages(self.id)) }
    }

    /// The message, as far as the caller may know of it: who is not in the room is told that, and not whether somebody
    /// said something there.
    pub(super) async fn message(&self, app: &App, me: &Me, id: MessageId, now: Time) -> Result<Known, Problem> {
        let known = app.handler.lookup.message(self.id, id).await;
        if known.as_ref().is_err_and(|problem| problem.code == Code::NotFound) {
            let room = app.latest_state::<Room>(self.room).await?;
            let membership = app.latest_state::<Membership>(self.member).await?;
            member(room.as_ref(), membership.as_ref(), me.id, now)?;
        }
        known
    }

    /// The event on the room's messages, under the caller's membership.
    pub(super) fn draft(&self, basis: &Basis, event: MessageEvent) -> Option<Draft> {
        self.draft_on(Subject::RoomMessages(self.id), basis, event)
    }

    pub(super) fn draft_on(&self, subject: Subject, basis: &Basis, event: impl Into<Event>) -> Option<Draft> {
        let room = basis.state::<Room>(self.room)?;
        Some(basis.under(self.member, subject, event).of_lounge(room.lounge))
    }
}

fn written(author: resource::Person, original: &Original, status: Option<MessageStatus>) -> resource::Message {
    resource::Message {
        id: original.message,
        room_id: original.room,
        author,
        text: None,
        reply_to: None,
        mentions: None,
        created_at: original.created_at,
        edited_at: None,
        status,
    }
}

/// The message as its posting says it.
pub(super) fn posted(me: &Me, fact: &Fact) -> Option<resource::Message> {
    let Event::Message(MessageEvent::Posted(posted)) = &fact.event else { return None };
    Some(resource::Message {
        id: posted.message,
        room_id: posted.room,
        author: me.person(),
        text: Some(posted.text.clone()),
        reply_to: posted.reply_to,
        mentions: Some(posted.mentions.clone()),
        created_at: fact.envelope.time,
        edited_at: None,
        status: Some(MessageStatus::Visible),
    })
}

impl MessageDone {
    fn answered(app: &App, seq: u64, repeat: Repeat, message: resource::Message) -> Done<Self> {
        let position = app.position(seq);
        Done::created(position, repeat, Self { message, position })
    }
}
