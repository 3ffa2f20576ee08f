//! Commands of reacting to what was said.

use super::InRoom;
use crate::app::App;
use crate::domain::Rejection;
use crate::domain::emoji::Emoji;
use crate::domain::message::{self, Original};
use crate::handle::{Basis, Outcome};
use crate::http::answer::{Done, Passed};
use crate::http::me::Me;
use crate::http::{refused, resource};
use crate::stamp::Stamp;
use axum::extract::State as Given;
use events::{MessageEvent, MessageId, Position, RoomId};
use platform::extract::Path;
use platform::{Code, Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// A reaction, and from where on it can be read.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ReactionDone {
    reaction: resource::Reaction,
    #[schema(value_type = String, example = "AAAAAQAAAAAAAAAq")]
    position: Position,
}

/// React to a message
///
/// One's reactions to a message are a set: the same again changes nothing.
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/messages/{message}/reactions/{emoji}",
    operation_id = "react",
    tag = "messages",
    params(
        ("id" = Uuid, Path),
        ("message" = Uuid, Path),
        ("emoji" = String, Path, description = "Exactly one emoji, percent-encoded.", example = "👍"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses((status = 200, description = "Reacted so, now or already.", body = ReactionDone), refused::OnMessage),
    security(("token" = [])),
)]
pub(in crate::http) async fn react(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, id, emoji)): Path<(RoomId, MessageId, String)>,
) -> Result<Done<ReactionDone>, Problem> {
    let emoji = emoji_of(&emoji)?;
    let outcome = decide(&app, &me, &stamp, "react", (room, id), |basis, place, original| {
        message::react(basis.state(place.room), basis.state(place.member), original, emoji, me.id, stamp.now)
    });
    let outcome = outcome.await?;
    let position = app.position(outcome.chat_seq());
    let reaction = resource::Reaction { room_id: room, message_id: id, emoji: emoji.into() };
    Ok(Done::ok(position, outcome.repeat(), ReactionDone { reaction, position }))
}

/// Take one's own reaction back
#[utoipa::path(
    delete,
    path = "/v1/rooms/{id}/messages/{message}/reactions/{emoji}",
    operation_id = "take_reaction_back",
    tag = "messages",
    params(
        ("id" = Uuid, Path),
        ("message" = Uuid, Path),
        ("emoji" = String, Path, description = "Exactly one emoji, percent-encoded.", example = "👍"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses((status = 200, description = "Taken back, now or already.", body = Passed), refused::OnMessage),
    security(("token" = [])),
)]
pub(in crate::http) async fn take_back(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, id, emoji)): Path<(RoomId, MessageId, String)>,
) -> Result<Done<Passed>, Problem> {
    let emoji = emoji_of(&emoji)?;
    let outcome = decide(&app, &me, &stamp, "take-reaction-back", (room, id), |basis, place, original| {
        message::take_back(basis.state(place.room), basis.state(place.member), original, emoji, me.id, stamp.now)
    });
    let outcome = outcome.await?;
    let position = app.position(outcome.chat_seq());
    Ok(Done::ok(position, outcome.repeat(), Passed { position }))
}

async fn decide(
    app: &App,
    me: &Me,
    stamp: &Stamp,
    name: &'static str,
    (room, id): (RoomId, MessageId),
    rule: impl Fn(&Basis, &InRoom, &Original) -> Result<MessageEvent, Rejection>,
) -> Result<Outcome, Problem> {
    app.limits.reactions.check(&me.id.0)?;
    let place = InRoom::new(room, me);
    let known = place.message(app, me, id, stamp.now).await?;
    let outcome = app.handler.handle(place.command(app, name, stamp), |basis| {
        let event = rule(basis, &place, &known.original)?;
        Ok(place.draft(basis, event).into_iter().collect())
    });
    outcome.await
}

/// The path names the reaction, so what is none is like an id that is none.
fn emoji_of(text: &str) -> Result<Emoji, Problem> {
    let no_emoji = |_| Problem::new(Code::InvalidRequest, "A reaction is exactly one emoji, percent-encoded.");
    Emoji::parse(text).map_err(no_emoji)
}
