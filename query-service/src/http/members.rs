//! Reads of a room's members.

use axum::extract::State;
use chrono::Utc;
use events::RoomId;
use platform::{
    Problem,
    extract::{Json, Path, Query},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{reader::Reader, refused};
use crate::{
    app::App,
    cursor::{List, Place},
    page::{self, ListPage},
    read::members,
    resource::Member,
};

/// Which part of a room's members.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// A page's `next`.
    cursor: Option<String>,
    /// How many, 1 to 50; without it 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// A room's members
///
/// Owners first, then moderators, then members.
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}/members",
    operation_id = "list_members",
    tag = "rooms",
    params(("id" = Uuid, Path, description = "Room id."), Wish),
    responses((status = 200, description = "A page.", body = ListPage<Member>), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(room): Path<RoomId>,
    Query(wish): Query<Wish>,
) -> Result<Json<ListPage<Member>>, Problem> {
    let limit = page::limit(wish.limit)?;
    let list = List::Members(room);
    let after = wish.cursor.as_deref().map(|cursor| Place::of(list, cursor)).transpose()?;
    let mut found = members::of(&app.checked, room, caller.user, after, limit + 1, Utc::now()).await?;
    let visibility = found.visibility.ok_or_else(Problem::not_found)?;
    app.reader(found.caller, (room, caller.user), found.position, visibility)?;
    let page = page::cut(&mut found.members, limit, |member| (member.role, member.user.id.0).cursor(list));
    Ok(Json(ListPage { items: found.members, page, position: found.position }))
}
