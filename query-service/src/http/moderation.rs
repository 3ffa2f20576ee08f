//! Reads for moderators: what a message said before, and what was reported and done in a room.

use axum::extract::State;
use events::{MessageId, Position, Role, RoomId, UserId, Visibility};
use platform::{
    Code, Problem,
    extract::{Json, Path, Query},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{reader::Reader, refused};
use crate::{
    app::App,
    cursor::{List, Place},
    page::{self, ListPage},
    read::{moderation, versions},
    resource::{MessageVersion, Moderation},
    rights::Standing,
};

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// A page's `next`.
    pub(super) cursor: Option<String>,
    /// How many, 1 to 50; without it 50.
    #[param(minimum = 1, maximum = 50)]
    pub(super) limit: Option<u32>,
}

/// What a message said before
///
/// The texts that its author's edits replaced, oldest first; none once it is deleted. For moderators.
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}/messages/{message}/versions",
    operation_id = "list_message_versions",
    tag = "messages",
    params(
        ("id" = Uuid, Path, description = "Room id."),
        ("message" = Uuid, Path, description = "Message id."),
        Wish,
    ),
    responses((status = 200, description = "A page.", body = ListPage<MessageVersion>), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn of_message(
    State(app): State<App>,
    Reader(caller): Reader,
    Path((room, message)): Path<(RoomId, MessageId)>,
    Query(wish): Query<Wish>,
) -> Result<Json<ListPage<MessageVersion>>, Problem> {
    let limit = page::limit(wish.limit)?;
    let list = List::Versions(message);
    let after = wish.cursor.as_deref().map_or(Ok(0), |cursor| Place::of(list, cursor))?;
    let mut found = versions::of(&app.checked, (room, message), caller.user, after, limit + 1).await?;
    moderates(&app, found.visibility, found.caller, (room, caller.user), found.position)?;
    if !found.exists {
        return Err(Problem::not_found());
    }
    let page = page::cut(&mut found.versions, limit, |version| version.log_seq.cursor(list));
    let items = found.versions.into_iter().map(|version| MessageVersion { text: version.text, created_at: version.at });
    Ok(Json(ListPage { items: items.collect(), page, position: found.position }))
}

/// What was reported and done in a room
///
/// Reports, and what moderators did to messages and members, newest first, whether or not it changed anything. For
/// moderators.
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}/moderation",
    operation_id = "list_moderation",
    tag = "rooms",
    params(("id" = Uuid, Path, description = "Room id."), Wish),
    responses((status = 200, description = "A page.", body = ListPage<Moderation>), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn of_room(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(room): Path<RoomId>,
    Query(wish): Query<Wish>,
) -> Result<Json<ListPage<Moderation>>, Problem> {
    let limit = page::limit(wish.limit)?;
    let list = List::Moderation(room);
    let before = wish.cursor.as_deref().map_or(Ok(u64::MAX), |cursor| Place::of(list, cursor))?;
    let mut found = moderation::of(&app.checked, room, caller.user, before, limit + 1).await?;
    moderates(&app, found.visibility, found.caller, (room, caller.user), found.position)?;
    let page = page::cut(&mut found.entries, limit, |entry| entry.log_seq.cursor(list));
    let items = found.entries.into_iter().map(|entry| entry.shown).collect();
    Ok(Json(ListPage { items, page, position: found.position }))
}

/// That the caller is a moderator of the room now.
fn moderates(
    app: &App,
    visibility: Option<Visibility>,
    standing: Standing,
    (room, caller): (RoomId, UserId),
    at: Position,
) -> Result<(), Problem> {
    let visibility = visibility.ok_or_else(Problem::not_found)?;
    match app.reader(standing, (room, caller), at, visibility)? {
        Role::Moderator | Role::Owner => Ok(()),
        Role::Member => Err(Problem::new(Code::Forbidden, "This is for the room's moderators.")),
    }
}
