//! Reads of what was said in a room.

use axum::{extract::State, http::HeaderMap, response::Response};
use events::{MessageId, Position, Role, RoomId, UserId};
use platform::{
    Code, Problem,
    extract::{Path, Query},
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

use super::{
    reader::Reader,
    refused,
    tagged::{Tag, bytes},
};
use crate::{
    app::App,
    cache::{Known, Latest},
    history::{self, Asked, Neighbours, Wish},
    read::messages::{self, Found, own_reactions},
    resource::Message,
    wait::AsOf,
};

/// A page of a room's history.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessagePage {
    /// Oldest first.
    items: Vec<Message>,
    page: Neighbours,
    /// `seq` of the room's last event as of this page: frames up to it change nothing that the page shows.
    head: u64,
    /// The caller's own reactions, by message id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    own_reactions: BTreeMap<MessageId, Vec<String>>,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// One message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneMessage {
    message: Message,
    /// The caller's own reactions, by message id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    own_reactions: BTreeMap<MessageId, Vec<String>>,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// A page of a room's messages
///
/// Oldest first; without a place, the latest. A message that the caller may not see keeps its place without its text.
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}/messages",
    operation_id = "list_messages",
    tag = "messages",
    params(("id" = Uuid, Path, description = "Room id."), Wish),
    responses(
        (status = 200, description = "A page.", body = MessagePage, headers(("etag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The caller has it."),
        refused::InRoom,
    ),
    security(("token" = [])),
)]
pub(super) async fn page(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(room): Path<RoomId>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = wish.read(room)?;
    if asked == Asked::LATEST
        && let Some(answer) = latest(&app, caller.user, room, &headers).await?
    {
        return Ok(answer);
    }
    let mut found = messages::window(&app.direct, room, caller.user, asked.window(), asked.status).await?;
    let role = may_read(&app, &found, room, caller.user)?;
    if asked.status.is_some() && role < Role::Moderator {
        return Err(Problem::new(Code::Forbidden, "Only moderators filter by status."));
    }
    let page = asked.cut(room, &mut found)?;
    answer((caller.user, role), found, page, &headers)
}

/// The latest page: from what is kept ready, or read for all who ask meanwhile. `None` where each has to read his own.
async fn latest(app: &App, caller: UserId, room: RoomId, asked: &HeaderMap) -> Result<Option<Response>, Problem> {
    let mut own = None;
    let read = async {
        let mut found = messages::window_with_reactors(&app.direct, room, caller, Asked::LATEST.window()).await?;
        found.visibility.ok_or_else(Problem::not_found)?;
        // What the statement says of its caller spares him the small one.
        let known = Known { row: found.caller.clone(), as_of: found.as_of };
        app.caches.standings.keep((room, caller), Arc::new(known));
        let page = Asked::LATEST.cut(room, &mut found)?;
        let latest = Latest::of(room, &found, &page)?;
        own = Some((found, page));
        Ok(latest)
    };
    let is_current = |latest: &Latest| app.still(latest.shown(), latest.as_of).is_some();
    let latest = app.caches.pages.get(room, is_current, read).await?;
    let position = app.given_out(latest.shown(), latest.as_of)?;
    if let Some(shared) = &latest.shared {
        let role = app.standing_of(room, caller).await?.reads(shared.visibility)?;
        app.checkpoint.goes_on(room)?;
        let tag = tag((caller, role), latest.as_of, shared.changed);
        return tag.answer(asked, || shared.seen_by(caller, role, position)).map(Some);
    }
    let Some((found, page)) = own else { return Ok(None) };
    let role = may_read(app, &found, room, caller)?;
    answer((caller, role), found, page, asked).map(Some)
}

fn answer(viewer: (UserId, Role), found: Found, page: Neighbours, asked: &HeaderMap) -> Result<Response, Problem> {
    let own_reactions = own_reactions(&found.messages);
    let (head, position, tag) = (found.head, found.as_of.position, tag(viewer, found.as_of, found.changed));
    let (user, role) = viewer;
    let items = found.messages.into_iter().map(|stored| stored.shown(user, role).message).collect();
    tag.answer(asked, || bytes(&MessagePage { items, page, head, own_reactions, position }))
}

/// What decides a page under its address: where what it shows was last changed, and who looks in which role. A rename
/// changes what it shows; another read model may show it otherwise.
fn tag((viewer, role): (UserId, Role), as_of: AsOf, changed: u64) -> Tag {
    let AsOf { position, generation } = as_of;
    let numbers = [u64::from(position.epoch.0).to_be_bytes(), changed.to_be_bytes()].concat();
    Tag::of(&[&numbers, &generation.to_be_bytes(), role.as_str().as_bytes(), viewer.0.as_bytes()])
}

/// One message
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}/messages/{message}",
    operation_id = "get_message",
    tag = "messages",
    params(
        ("id" = Uuid, Path, description = "Room id."),
        ("message" = Uuid, Path, description = "Message id."),
    ),
    responses(
        (status = 200, description = "The message.", body = OneMessage, headers(("etag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The caller has it."),
        refused::InRoom,
    ),
    security(("token" = [])),
)]
pub(super) async fn find(
    State(app): State<App>,
    Reader(caller): Reader,
    Path((room, message)): Path<(RoomId, MessageId)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = messages::window(&app.direct, room, caller.user, history::only(message), None).await?;
    let role = may_read(&app, &found, room, caller.user)?;
    let own_reactions = own_reactions(&found.messages);
    let tag = tag((caller.user, role), found.as_of, found.changed);
    let stored = found.messages.into_iter().next().ok_or_else(Problem::not_found)?;
    let message = stored.shown(caller.user, role).message;
    tag.answer(&headers, || bytes(&OneMessage { message, own_reactions, position: found.as_of.position }))
}

/// The caller's role, if he may read the room's history now.
fn may_read(app: &App, found: &Found, room: RoomId, caller: UserId) -> Result<Role, Problem> {
    let visibility = found.visibility.ok_or_else(Problem::not_found)?;
    app.reader(found.caller.clone(), (room, caller), found.as_of.position, visibility)
}
