//! Reads of the caller's sessions.

use axum::extract::State;
use chrono::Utc;
use platform::{
    Problem,
    extract::{Json, Query},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{lounges::START, reader::Reader, refused};
use crate::{
    app::App,
    cursor::{List, Place},
    page::{self, ListPage},
    read::sessions::{self, holder},
    resource::Session,
};

/// Which part of the caller's sessions.
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

/// Where the caller is signed in
///
/// By sign-in, oldest first. What was revoked is not listed, also where the read model does not know it yet.
#[utoipa::path(
    get,
    path = "/v1/sessions",
    operation_id = "list_sessions",
    tag = "sessions",
    params(Wish),
    responses((status = 200, description = "A page.", body = ListPage<Session>), refused::Read),
    security(("token" = [])),
)]
pub(super) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Query(wish): Query<Wish>,
) -> Result<Json<ListPage<Session>>, Problem> {
    let limit = page::limit(wish.limit)?;
    let list = List::OwnSessions(caller.user.0);
    let after = wish.cursor.as_deref().map_or(Ok(START), |cursor| Place::of(list, cursor))?;
    let (position, mut rows) = sessions::of(&app.checked, &caller, Utc::now(), after, limit + 1).await?;
    let page = page::cut(&mut rows, limit, |row| (row.session.created_at, row.session.id.0).cursor(list));
    // Sessions follow another stream than the one that positions are of; revocations are heard from that one.
    let revocations = app.authenticator.revocations();
    let held = rows.into_iter().filter(|row| !revocations.revoked(&holder(row, caller.user, &caller)));
    Ok(Json(ListPage { items: held.map(|row| row.session).collect(), page, position }))
}
