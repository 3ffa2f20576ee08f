//! Commands of those who are there without a socket.

use super::me::Me;
use super::refused;
use crate::app::App;
use axum::extract::State as Given;
use chrono::{DateTime, Utc};
use event_log::{Holder, LeaseKey, LogError};
use events::{PresenceState, UserId};
use platform::extract::Json;
use platform::{Code, Problem};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// What the client shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    /// `online` if absent; `offline` is a farewell.
    #[schema(value_type = Option<String>, example = "online")]
    state: Option<PresenceState>,
}

/// The lease as it is from now on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Renewed {
    presence: Presence,
}

/// What this client shows of its user. Others see the best of all his clients, a moment later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnPresence)]
struct Presence {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(value_type = String, example = "online")]
    state: PresenceState,
    last_seen_at: DateTime<Utc>,
}

/// Be there
///
/// For clients without a socket, every 30 seconds: who has not been heard of for 75 is gone.
#[utoipa::path(
    post,
    path = "/v1/presence/heartbeat",
    operation_id = "heartbeat",
    tag = "presence",
    request_body = Heartbeat,
    responses((status = 200, description = "Heard.", body = Renewed), refused::Own),
    security(("token" = [])),
)]
pub(super) async fn heartbeat(
    Given(app): Given<App>,
    me: Me,
    Json(request): Json<Heartbeat>,
) -> Result<Json<Renewed>, Problem> {
    app.limits.heartbeats.check(&me.id.0)?;
    let leases = app.leases.as_ref().ok_or_else(|| not_renewed("there is no bucket"))?;
    let state = request.state.unwrap_or(PresenceState::Online);
    let key = LeaseKey { user: me.id, holder: Holder::Client(me.session) };
    let renewed = match state {
        PresenceState::Offline => leases.farewell(&key).await,
        PresenceState::Online | PresenceState::Away | PresenceState::Dnd => leases.renew(&key, state).await,
    };
    renewed.map_err(|error: LogError| not_renewed(error))?;
    let presence = Presence { user_id: me.id, state, last_seen_at: crate::stamp::now() };
    Ok(Json(Renewed { presence }))
}

fn not_renewed(why: impl ToString) -> Problem {
    tracing::warn!(why = why.to_string(), "a lease is not renewed");
    let detail = "Whether this was heard is unknown. Repeat it.";
    Problem::new(Code::LogUnavailable, detail).after(Duration::from_secs(1))
}
