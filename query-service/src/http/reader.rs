//! Who reads? Somebody signed in, within his rate, once the read model is where he needs it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use platform::{Caller, Problem, address::ClientAddress};

use crate::{
    app::App,
    wait::{self, Patience},
};

/// The caller of a read. Refused are, in this order: 401 without a valid token (then counted by address),
/// 429 beyond the rate, 400 for a `Chat-Min-Position` that is none, 410 for one of another epoch, and 503
/// `read-model-behind` when it is not reached in time.
pub(super) struct Reader(pub(super) Caller);

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = match <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(caller) => caller,
            Err(refusal) => {
                let address = ClientAddress::from_request_parts(parts, app).await?;
                app.limits.reads_address.check(&address.key())?;
                return Err(refusal);
            }
        };
        let patience = parts.extensions.get::<Patience>().copied();
        if !patience.is_some_and(|patience| patience.is_again) {
            app.limits.reads_user.check(&caller.user.0)?;
        }
        if let Some((position, within)) = wait::wish(&parts.headers)? {
            app.checkpoint.reaches(position, patience.map_or(within, Patience::left)).await?;
        }
        Ok(Self(caller))
    }
}
