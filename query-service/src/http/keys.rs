//! With which keys are access tokens signed?

use axum::extract::State;
use platform::{Problem, address::ClientAddress, auth::Jwks, extract::Json};

use super::refused;
use crate::app::App;

/// The public keys of access tokens
///
/// As a JSON Web Key Set. Needs no token.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "list_keys",
    tag = "sessions",
    responses((status = 200, description = "The keys.", body = Jwks), refused::Open),
)]
pub(super) async fn list(State(app): State<App>, address: ClientAddress) -> Result<Json<Jwks>, Problem> {
    app.limits.reads_address.check(&address.key())?;
    Ok(Json(app.authenticator.jwks()))
}
