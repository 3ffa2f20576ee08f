//! Reads of a room's feed: the entries that a socket would have carried.

use axum::extract::State;
use events::{Position, RoomId};
use platform::{
    Code, Problem,
    extract::{Json, Path, Query},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{reader::Reader, refused};
use crate::{
    app::App,
    feed::{Frame, Viewer, frame},
    page::{self, Onward},
    read::feed,
};

/// Which part of a room's feed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// The last `seq` that the client has; 0 for none.
    after: u64,
    /// How many, 1 to 50; without it 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// A page of a room's feed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeedPage {
    /// Oldest first, without a gap in `seq`.
    items: Vec<Frame>,
    /// `next` is for `after=`.
    page: Onward,
    /// `seq` of the room's last event as of this page.
    head: u64,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// What happened in a room after a `seq`
///
/// The same entries as on the socket. Only the newest 10,000 are kept: who missed more gets 410 and loads the room anew.
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}/feed",
    operation_id = "list_feed",
    tag = "messages",
    params(("id" = Uuid, Path, description = "Room id."), Wish),
    responses((status = 200, description = "A page.", body = FeedPage), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn page(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(room): Path<RoomId>,
    Query(wish): Query<Wish>,
) -> Result<Json<FeedPage>, Problem> {
    let limit = page::limit(wish.limit)?;
    let mut found = feed::page(&app.direct, room, caller.user, wish.after, limit + 1).await?;
    let visibility = found.visibility.ok_or_else(Problem::not_found)?;
    let role = app.reader(std::mem::take(&mut found.caller), (room, caller.user), found.position, visibility)?;
    if !found.follows_on(wish.after) {
        return Err(Problem::new(Code::Gone, "The entries after this one are no longer kept: load the room anew."));
    }
    let page = page::cut(&mut found.entries, limit, |entry| entry.seq.to_string());
    let viewer = Viewer { user: caller.user, role };
    let items = found.entries.iter().map(|entry| frame(entry, room, found.position.epoch, viewer)).collect();
    Ok(Json(FeedPage { items, page, head: found.head, position: found.position }))
}
