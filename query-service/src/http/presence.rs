//! Reads of who is there.

use axum::{extract::State, http::HeaderMap};
use events::{Position, RoomId};
use platform::{
    Problem,
    extract::{Json, Path, Query},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{reader::Reader, refused};
use crate::{
    app::App,
    cursor::{List, Place},
    page::{self, Onward},
    read::presence::{self, Counts},
    resource::Presence,
    wait,
};

/// Of a room with more people there, so many are listed and all are counted.
const LISTED_MAX: u32 = 1_000;

/// Which part of a room's presence.
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

/// A page of a room's presence.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PresencePage {
    /// Those who are there, by user id.
    items: Vec<Presence>,
    /// Of all members, also of those beyond the 1,000 that are listed.
    counts: Counts,
    page: Onward,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// Who of a room is there
///
/// Members who are online, away or not to be disturbed; the others are offline. Computed once a second at most. Of more
/// than 1,000 some are listed and all are counted.
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}/presence",
    operation_id = "list_presence",
    tag = "presence",
    params(("id" = Uuid, Path, description = "Room id."), Wish),
    responses((status = 200, description = "A page.", body = PresencePage), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(room): Path<RoomId>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Json<PresencePage>, Problem> {
    let limit = page::limit(wish.limit)?;
    let list = List::Presence(room);
    let after: Option<Uuid> = wish.cursor.as_deref().map(|cursor| Place::of(list, cursor)).transpose()?;
    let right = presence::right(&app.checked, room, caller.user).await?;
    let visibility = right.visibility.ok_or_else(Problem::not_found)?;
    app.reader(right.caller, (room, caller.user), right.position, visibility)?;
    // What others were shown a moment ago may be from before the caller's own write.
    let wanted = wait::wish(&headers)?.map(|(position, _)| position);
    let compute = || presence::of(&app.checked, room, LISTED_MAX);
    let found = app.presences.of(room, wanted, compute).await?;
    let from = found.there.partition_point(|presence| after.is_some_and(|after| presence.user_id.0 <= after));
    let mut items: Vec<Presence> = found.there[from..].iter().take(limit as usize + 1).copied().collect();
    let page = page::cut(&mut items, limit, |presence| presence.user_id.0.cursor(list));
    Ok(Json(PresencePage { items, counts: found.counts, page, position: found.position }))
}
