//! Reads of what was said in a room.

use axum::extract::State;
use events::{MessageId, Position, Role, RoomId};
use platform::{
    Code, Problem,
    extract::{Json, Path, Query},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

use super::{reader::Reader, refused};
use crate::{
    app::App,
    history::{self, Neighbours, Wish},
    read::messages::{self, Found, own_reactions},
    resource::Message,
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
    responses((status = 200, description = "A page.", body = MessagePage), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn page(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(room): Path<RoomId>,
    Query(wish): Query<Wish>,
) -> Result<Json<MessagePage>, Problem> {
    let asked = wish.read(room)?;
    let mut found = messages::window(&app.direct, room, caller.user, asked.window(), asked.status).await?;
    let role = may_read(&app, &mut found, room, caller.user)?;
    if asked.status.is_some() && role < Role::Moderator {
        return Err(Problem::new(Code::Forbidden, "Only moderators filter by status."));
    }
    let page = asked.cut(room, &mut found)?;
    let own_reactions = own_reactions(&found.messages);
    let items = found.messages.into_iter().map(|stored| stored.shown(caller.user, role).message).collect();
    Ok(Json(MessagePage { items, page, head: found.head, own_reactions, position: found.position }))
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
    responses((status = 200, description = "The message.", body = OneMessage), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn find(
    State(app): State<App>,
    Reader(caller): Reader,
    Path((room, message)): Path<(RoomId, MessageId)>,
) -> Result<Json<OneMessage>, Problem> {
    let mut found = messages::window(&app.direct, room, caller.user, history::only(message), None).await?;
    let role = may_read(&app, &mut found, room, caller.user)?;
    let own_reactions = own_reactions(&found.messages);
    let stored = found.messages.into_iter().next().ok_or_else(Problem::not_found)?;
    let message = stored.shown(caller.user, role).message;
    Ok(Json(OneMessage { message, own_reactions, position: found.position }))
}

/// The caller's role, if he may read the room's history now.
fn may_read(app: &App, found: &mut Found, room: RoomId, caller: events::UserId) -> Result<Role, Problem> {
    let visibility = found.visibility.ok_or_else(Problem::not_found)?;
    app.standing(std::mem::take(&mut found.caller), room, caller, found.position)?.reads(visibility)
}
