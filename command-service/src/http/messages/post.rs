//! The command of saying something.

use super::{InRoom, MessageDone, posted};
use crate::app::App;
use crate::domain::Fault;
use crate::domain::message::{self, MENTIONS_MAX, PostMessage};
use crate::domain::text::MessageText;
use crate::handle::{Command, Creates, Outcome, Refusal};
use crate::http::answer::Done;
use crate::http::fields::Fields;
use crate::http::me::Me;
use crate::http::refused;
use crate::stamp::Stamp;
use axum::extract::State as Given;
use events::{MessageId, RoomId, UserId};
use platform::extract::{Json, Path};
use platform::{Code, FieldError, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something to be said.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewMessage {
    /// 1 to 4,000 code points, stored exactly as sent.
    #[schema(example = "hello")]
    text: String,
    /// A message of the same room.
    #[schema(value_type = Option<Uuid>)]
    reply_to: Option<MessageId>,
    /// Up to 20 users.
    #[schema(value_type = Option<Vec<Uuid>>)]
    mentions: Option<Vec<UserId>>,
}

/// Say something in a room
///
/// With an `Idempotency-Key` a repeat gives the original answer and `Idempotency-Replayed: true`. A UUIDv7 made just
/// before is best: it needs no look-up.
#[utoipa::path(
    post,
    path = "/v1/rooms/{id}/messages",
    operation_id = "post_message",
    tag = "messages",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "16–64 of `[A-Za-z0-9_-]`, best a UUIDv7."),
    ),
    request_body = NewMessage,
    responses((status = 201, description = "Said, and written to disk.", body = MessageDone), refused::One),
    security(("token" = [])),
)]
pub(in crate::http) async fn post(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(room): Path<RoomId>,
    Json(request): Json<NewMessage>,
) -> Result<Done<MessageDone>, Problem> {
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let text = fields.read("/text", MessageText::parse(request.text));
    let mentions = fields.read("/mentions", mentions(request.mentions.unwrap_or_default()));
    let (Some(text), Some(mentions)) = (text, mentions) else { return Err(fields.into()) };
    app.posts(&me.id, me.kind)?;
    let reply = reply_to(&app, room, request.reply_to).await?;

    let place = InRoom::new(room, &me);
    let message = MessageId::from(stamp.event_id(0));
    let wish = PostMessage { room, message, text, reply_to: request.reply_to, mentions, by: me.id, now: stamp.now };
    let command = Command { creates: Creates::Message(room, message), ..place.command(&app, "post", &stamp) };
    let outcome = app.handler.handle(command, |basis| {
        let event = message::post(basis.state(place.room), basis.state(place.member), &wish)?;
        // Only who may post learns what else is wrong, and only his posts count.
        if reply == ReplyTo::NothingHere {
            let error = FieldError::new("/reply_to", "not-in-room", "there is no such message in this room");
            return Err(Refusal::Field(Box::new(Problem::validation(vec![error]))));
        }
        app.limits.posts_room.check(&room.0)?;
        Ok(place.draft(basis, event).into_iter().collect())
    });
    let outcome = outcome.await?;
    let (seq, repeat) = (outcome.chat_seq(), outcome.repeat());
    let Outcome::Applied { facts, .. } = outcome else { return Err(Problem::internal()) };
    let message = facts.first().and_then(|fact| posted(&me, fact)).ok_or_else(Problem::internal)?;
    Ok(MessageDone::answered(&app, seq, repeat, message))
}

/// Each person once, in the order named.
fn mentions(named: Vec<UserId>) -> Result<Vec<UserId>, Fault> {
    if named.len() > MENTIONS_MAX {
        return Err(Fault { code: "too-many", detail: format!("at most {MENTIONS_MAX} users") });
    }
    let mut once = Vec::with_capacity(named.len());
    for user in named {
        if !once.contains(&user) {
            once.push(user);
        }
    }
    Ok(once)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReplyTo {
    Nobody,
    Message,
    NothingHere,
}

async fn reply_to(app: &App, room: RoomId, message: Option<MessageId>) -> Result<ReplyTo, Problem> {
    let Some(message) = message else { return Ok(ReplyTo::Nobody) };
    match app.handler.lookup.message(room, message).await {
        Ok(_) => Ok(ReplyTo::Message),
        Err(problem) if problem.code == Code::NotFound => Ok(ReplyTo::NothingHere),
        Err(problem) => Err(problem),
    }
}
