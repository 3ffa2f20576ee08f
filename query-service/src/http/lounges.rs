//! Reads of lounges.

use axum::{extract::State, http::HeaderMap, response::Response};
use events::{LoungeId, Position, Time};
use platform::{
    Problem,
    extract::{Json, Path, Query},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{reader::Reader, refused, tagged::Tag};
use crate::{
    app::App,
    cache::{All, Lounges},
    cursor::{List, Place},
    page::{self, ListPage},
    read::lounges,
    resource::Lounge,
    rights::Shown,
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

impl Wish {
    /// The page that all ask for first.
    pub(super) fn is_first(&self) -> Result<bool, Problem> {
        let all = page::limit(self.limit)? == page::LIMIT_MAX;
        Ok(all && self.active.unwrap_or(true) && self.cursor.is_none())
    }
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
    responses(
        (status = 200, description = "A page.", body = ListPage<Lounge>, headers(("etag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The caller has it."),
        refused::Read,
    ),
    security(("token" = [])),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Reader,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (active, limit) = (wish.active.unwrap_or(true), page::limit(wish.limit)?);
    let list = List::Lounges { active };
    let after = wish.cursor.as_deref().map_or(Ok(START), |cursor| Place::of(list, cursor))?;
    let read = async {
        let (as_of, mut items) = lounges::list(&app.checked, active, after, limit + 1).await?;
        let page = page::cut(&mut items, limit, |lounge| (lounge.created_at, lounge.id.0).cursor(list));
        Lounges::of(as_of, &items, &page)
    };
    let lounges = match wish.is_first()? {
        true => {
            let is_current = |lounges: &Lounges| app.still(Shown::Lounges, lounges.as_of).is_some();
            app.caches.lounges.get(All, is_current, read).await?
        }
        false => Arc::new(read.await?),
    };
    let position = app.given_out(Shown::Lounges, lounges.as_of)?;
    Tag::of(&[lounges.list.content()]).answer(&headers, || lounges.list.at(position))
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
