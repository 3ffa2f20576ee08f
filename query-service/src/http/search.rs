//! Search over what was said in the caller's rooms.

use axum::extract::State;
use events::{MessageId, Position};
use platform::{
    Problem,
    extract::{Json, Query},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

use super::{reader::Reader, refused};
use crate::{
    app::App,
    cursor::Place,
    page::{self, Onward},
    read::{messages::own_reactions, search},
    resource::SearchHit,
    search::Wish,
};

/// A page of what was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SearchPage {
    /// Newest first.
    items: Vec<SearchHit>,
    page: Onward,
    /// The caller's own reactions, by message id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    own_reactions: BTreeMap<MessageId, Vec<String>>,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// Messages with these words, newest first
///
/// Only visible ones, in rooms that the caller is in now. Words are found in other forms (`run`, `running`) where
/// Postgres has a stemmer for the language that the room had when it was said; in any other language as they are.
/// A page may be shorter than `limit` before the end. A search that cannot begin within a second, or that takes
/// longer than four, is answered 503 `overloaded`: a rarer word or one room takes less.
#[utoipa::path(
    get,
    path = "/v1/search",
    operation_id = "search",
    tag = "messages",
    params(Wish),
    responses((status = 200, description = "A page.", body = SearchPage), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn find(
    State(app): State<App>,
    Reader(caller): Reader,
    Query(wish): Query<Wish>,
) -> Result<Json<SearchPage>, Problem> {
    let asked = wish.read(caller.user)?;
    let mut found = search::find(&app.direct, caller.user, &asked).await?;
    let position = found.position;
    if let Some(room) = asked.room {
        let visibility = found.visibility.ok_or_else(Problem::not_found)?;
        app.reader(std::mem::take(&mut found.caller), (room, caller.user), position, visibility)?;
    }
    let page = page::cut(&mut found.hits, asked.limit, |hit| hit.at.cursor(asked.list));
    let (mut items, mut shown) = (Vec::with_capacity(found.hits.len()), Vec::with_capacity(found.hits.len()));
    for hit in found.hits {
        let room = hit.room;
        // Whoever has just left or been banned is no reader any more, whatever the rows say. Of a room that waits for an
        // operator nobody knows what may still be read.
        let goes_on = app.checkpoint.goes_on(room.id).is_ok();
        if goes_on && app.standing(hit.standing, room.id, caller.user, position)?.role.is_some() {
            items.push(SearchHit { message: hit.stored.message.clone(), room, highlight: hit.highlight });
            shown.push(hit.stored);
        }
    }
    Ok(Json(SearchPage { items, page, own_reactions: own_reactions(&shown), position }))
}
