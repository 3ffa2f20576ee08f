//! Reads of rooms: cards, alone and in lists.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use events::{LoungeId, Position, RoomId, UserId, Visibility};
use platform::{
    Problem,
    extract::{Json, Path, Query},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{lounges, reader::Reader, refused, tagged::Tag};
use crate::{
    app::App,
    cache::{self, Cards, rooms_list},
    cursor::{List, Place},
    page::{self, ListPage},
    read::rooms::{self, Card},
    resource::Room,
    rights::Standing,
};

/// Which part of the caller's rooms.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnWish {
    /// A page's `next`.
    cursor: Option<String>,
    /// How many, 1 to 50; without it 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// One room.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneRoom {
    room: Room,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// One room's card
///
/// A private room is found by its members only.
#[utoipa::path(
    get,
    path = "/v1/rooms/{id}",
    operation_id = "get_room",
    tag = "rooms",
    params(("id" = Uuid, Path, description = "Room id.")),
    responses((status = 200, description = "The room.", body = OneRoom), refused::One),
    security(("token" = [])),
)]
pub(super) async fn find(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(room): Path<RoomId>,
) -> Result<Json<OneRoom>, Problem> {
    let found = rooms::find(&app.checked, room, caller.user).await?;
    let position = found.as_of.position;
    let card = found.cards.into_iter().next().ok_or_else(Problem::not_found)?;
    let room = seen(&app, card, caller.user, position)?.ok_or_else(Problem::not_found)?;
    app.checkpoint.goes_on(room.id)?;
    Ok(Json(OneRoom { room, position }))
}

/// A lounge's rooms, oldest first
///
/// Public ones, and private ones that the caller is in.
#[utoipa::path(
    get,
    path = "/v1/lounges/{id}/rooms",
    operation_id = "list_rooms",
    tag = "rooms",
    params(("id" = Uuid, Path, description = "Lounge id."), lounges::Wish),
    responses(
        (
            status = 200,
            description = "A page; without a tag where it tells the caller what he has not read.",
            body = ListPage<Room>,
            headers(("etag" = String, description = "For `If-None-Match`.")),
        ),
        (status = 304, description = "The caller has it."),
        refused::One,
    ),
    security(("token" = [])),
)]
pub(super) async fn in_lounge(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(lounge): Path<LoungeId>,
    Query(wish): Query<lounges::Wish>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if wish.is_first()?
        && let Some(cards) = rooms_list(&app, lounge, caller.user, strangers_list(&app, lounge)).await?
    {
        let position = app.given_out(cards.shown(), cards.as_of)?;
        return Tag::of(&[cards.list.content()]).answer(&headers, || cards.list.at(position));
    }
    let (active, limit) = (wish.active.unwrap_or(true), page::limit(wish.limit)?);
    let list = List::Rooms { lounge: lounge.0, active };
    let after = wish.cursor.as_deref().map_or(Ok(lounges::START), |cursor| Place::of(list, cursor))?;
    let mut found = rooms::in_lounge(&app.checked, lounge, caller.user, active, after, limit + 1).await?;
    if !found.exists {
        return Err(Problem::not_found());
    }
    let page = page::cut(&mut found.cards, limit, |card| (card.room.created_at, card.room.id.0).cursor(list));
    let position = found.as_of.position;
    let items = found.cards.into_iter().filter_map(|card| seen(&app, card, caller.user, position).transpose());
    let items: Vec<Room> = items.collect::<Result<_, _>>()?;
    // What is unread changes with what others say, and with what he reads.
    if items.iter().any(|room| room.member.is_some()) {
        return Ok(Json(ListPage { items, page, position }).into_response());
    }
    let listed = cache::List::of(&items, &page)?;
    Tag::of(&[listed.content()]).answer(&headers, || listed.at(position))
}

/// A lounge's first rooms as somebody sees them who is in none.
async fn strangers_list(app: &App, lounge: LoungeId) -> Result<Cards, Problem> {
    let list = List::Rooms { lounge: lounge.0, active: true };
    let nobody = UserId(Uuid::nil());
    let mut found = rooms::in_lounge(&app.checked, lounge, nobody, true, lounges::START, page::LIMIT_MAX + 1).await?;
    if !found.exists {
        return Err(Problem::not_found());
    }
    let page = page::cut(&mut found.cards, page::LIMIT_MAX, |card| (card.room.created_at, card.room.id.0).cursor(list));
    let rooms: Vec<Room> = found.cards.into_iter().map(|card| card.room).collect();
    Cards::of(found.as_of, &rooms, &page)
}

/// The rooms that the caller is in
///
/// With what he has not read, by room id; archived rooms as well.
#[utoipa::path(
    get,
    path = "/v1/users/me/rooms",
    operation_id = "list_own_rooms",
    tag = "rooms",
    params(OwnWish),
    responses((status = 200, description = "A page.", body = ListPage<Room>), refused::Read),
    security(("token" = [])),
)]
pub(super) async fn own(
    State(app): State<App>,
    Reader(caller): Reader,
    Query(wish): Query<OwnWish>,
) -> Result<Json<ListPage<Room>>, Problem> {
    let limit = page::limit(wish.limit)?;
    let list = List::OwnRooms(caller.user.0);
    let after = wish.cursor.as_deref().map_or(Ok(Uuid::nil()), |cursor| Place::of(list, cursor))?;
    let mut found = rooms::of_member(&app.checked, caller.user, after, limit + 1).await?;
    let page = page::cut(&mut found.cards, limit, |card| card.room.id.0.cursor(list));
    let position = found.as_of.position;
    let mut items = Vec::with_capacity(found.cards.len());
    for card in found.cards {
        let standing = app.standing(card.standing.clone(), card.room.id, caller.user, position)?;
        // Who was kicked from a public room still sees its card, but it is none of his rooms.
        items.extend(card.seen(&standing).filter(|room| room.member.is_some()));
    }
    Ok(Json(ListPage { items, page, position }))
}

/// The card as this caller may see it now. A public one needs no right: where the caller's own cannot be known
/// now, it comes without what only a member sees.
fn seen(app: &App, card: Card, caller: UserId, at: Position) -> Result<Option<Room>, Problem> {
    match app.standing(card.standing.clone(), card.room.id, caller, at) {
        Ok(standing) => Ok(card.seen(&standing)),
        Err(_) if card.room.visibility == Visibility::Public => Ok(card.seen(&Standing::default())),
        Err(behind) => Err(behind),
    }
}
