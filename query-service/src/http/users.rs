//! Reads of people.

use axum::extract::State;
use events::{Position, UserId};
use platform::{
    Code, Problem,
    extract::{Json, Path},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{reader::Reader, refused};
use crate::{app::App, read::users, resource::User, wait};

/// One person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneUser {
    user: User,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// One person
///
/// Who was erased is gone: 410.
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    operation_id = "get_user",
    tag = "users",
    params(("id" = Uuid, Path, description = "User id.")),
    responses((status = 200, description = "The person.", body = OneUser), refused::One),
    security(("token" = [])),
)]
pub(super) async fn find(
    State(app): State<App>,
    _: Reader,
    Path(user): Path<UserId>,
) -> Result<Json<OneUser>, Problem> {
    let found = users::find(&app.checked, user).await?;
    let user = found.user.ok_or_else(Problem::not_found)?;
    if found.erased {
        return Err(Problem::new(Code::Gone, "This account was erased."));
    }
    Ok(Json(OneUser { user, position: found.position }))
}

/// The caller himself
///
/// With what only he sees: the last digits of his phone number, or as a guest his end.
#[utoipa::path(
    get,
    path = "/v1/users/me",
    operation_id = "get_own_user",
    tag = "users",
    responses((status = 200, description = "The caller.", body = OneUser), refused::Read),
    security(("token" = [])),
)]
pub(super) async fn own(State(app): State<App>, Reader(caller): Reader) -> Result<Json<OneUser>, Problem> {
    let found = users::own(&app.checked, caller.user).await?;
    if found.erased {
        return Err(Problem::new(Code::Gone, "This account was erased."));
    }
    // He has a token, so he exists: the read model has not heard of him yet.
    let user = found.user.ok_or_else(wait::behind)?;
    Ok(Json(OneUser { user, position: found.position }))
}
