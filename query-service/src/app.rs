//! What does every handler stand on? The pools, who is calling, the limits, the checkpoint, and what was seen after it.

use axum::extract::FromRef;
use events::{Position, RoomId, UserId};
use platform::{Authenticator, Problem, limits::RateLimits};
use sqlx::PgPool;
use std::sync::Arc;

use crate::{
    presence::Presences,
    rights::{SeenAfter, Standing},
    wait::Checkpoint,
};

/// The state of all routes. Clones share everything.
#[derive(Clone)]
pub struct App {
    pub authenticator: Arc<Authenticator>,
    pub limits: RateLimits,
    /// For checked queries.
    pub checked: PgPool,
    /// For what is prepared by hand.
    pub direct: deadpool_postgres::Pool,
    pub checkpoint: Checkpoint,
    /// The hub, as far as rights go.
    pub seen: Arc<dyn SeenAfter>,
    /// Who is where, of the last second.
    pub presences: Arc<Presences>,
}

impl App {
    /// How somebody stands in a room now: the row's standing, with what was seen after its checkpoint.
    ///
    /// # Errors
    /// 503 `read-model-behind` when too much has happened since then to know.
    pub fn standing(&self, row: Standing, room: RoomId, user: UserId, at: Position) -> Result<Standing, Problem> {
        row.overlaid(self.seen.as_ref(), (room, user), at)
    }
}

impl FromRef<App> for Arc<Authenticator> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.authenticator)
    }
}
