//! Reads of lounges.

use axum::extract::State;
use events::{LoungeId, Position, Time};
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
    page::{self, ListPage},
    read::lounges,
    resource::Lounge,
};

/// Which part of a list by creation.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// `false`: archived ones instead of active ones.
    pub(super) active: Option<bool>,
    /// A page's `next`.
    pub(super) cursor: Option<String>,
    /// How many, 1 to 50; without it 50.
    #[param(minimum = 1, maximum = 50)]
    pub(super) limit: Option<u32>,
}

/// Before the first of a list by creation.
pub(super) const START: (Time, Uuid) = (Time::UNIX_EPOCH, Uuid::nil());

/// One lounge.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneLounge {
    lounge: Lounge,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// Lounges, oldest first
#[utoipa::path(
    get,
    path = "/v1/lounges",
    operation_id = "list_lounges",
    tag = "lounges",
    params(Wish),
    responses((status = 200, description = "A page.", body = ListPage<Lounge>), refused::Read),
    security(("token" = [])),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Reader,
    Query(wish): Query<Wish>,
) -> Result<Json<ListPage<Lounge>>, Problem> {
    let (active, limit) = (wish.active.unwrap_or(true), page::limit(wish.limit)?);
    let list = List::Lounges { active };
    let after = wish.cursor.as_deref().map_or(Ok(START), |cursor| Place::of(list, cursor))?;
    let (position, mut items) = lounges::list(&app.checked, active, after, limit + 1).await?;
    let page = page::cut(&mut items, limit, |lounge| (lounge.created_at, lounge.id.0).cursor(list));
    Ok(Json(ListPage { items, page, position }))
}

/// One lounge
#[utoipa::path(
    get,
    path = "/v1/lounges/{id}",
    operation_id = "get_lounge",
    tag = "lounges",
    params(("id" = Uuid, Path, description = "Lounge id.")),
    responses((status = 200, description = "The lounge.", body = OneLounge), refused::One),
    security(("token" = [])),
)]
pub(super) async fn find(
    State(app): State<App>,
    _: Reader,
    Path(lounge): Path<LoungeId>,
) -> Result<Json<OneLounge>, Problem> {
    let (position, lounge) = lounges::find(&app.checked, lounge).await?;
    let lounge = lounge.ok_or_else(Problem::not_found)?;
    Ok(Json(OneLounge { lounge, position }))
}
