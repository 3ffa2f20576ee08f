//! What does every handler stand on? The pools, who is calling, the limits, the checkpoint, and what was seen after it.

use axum::extract::FromRef;
use events::{Position, Role, RoomId, UserId, Visibility};
use platform::{Authenticator, Problem, limits::RateLimits};
use sqlx::PgPool;
use std::sync::Arc;

use crate::{
    cache::Caches,
    presence::Presences,
    rights::{SeenAfter, Shown, Standing},
    wait::{self, AsOf, Checkpoint},
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
    pub caches: Arc<Caches>,
}

impl App {
    /// How somebody stands in a room now: the row's standing, with what was seen after its checkpoint.
    ///
    /// # Errors
    /// 503 `read-model-behind` when too much has happened since then to know.
    pub fn standing(&self, row: Standing, room: RoomId, user: UserId, at: Position) -> Result<Standing, Problem> {
        row.overlaid(self.seen.as_ref(), (room, user), at)
    }

    /// The role in which somebody may read a room of this visibility now.
    ///
    /// # Errors
    /// Those of [`Standing::reads`]; for who might read it, 503 `read-model-behind` when too much has happened to know, and
    /// while the room's events wait because one of them cannot be applied.
    pub(crate) fn reader(
        &self,
        row: Standing,
        (room, user): (RoomId, UserId),
        at: Position,
        visibility: Visibility,
    ) -> Result<Role, Problem> {
        let role = self.standing(row, room, user, at)?.reads(visibility)?;
        self.checkpoint.goes_on(room)?;
        Ok(role)
    }

    /// The position of what is given out: as far as it is still so, else what it was read at.
    ///
    /// # Errors
    /// 503 `read-model-behind` where that is not as far as the request needs it.
    pub(crate) fn given_out(&self, shown: Shown<'_>, as_of: AsOf) -> Result<Position, Problem> {
        let position = self.still(shown, as_of).unwrap_or(as_of.position);
        wait::enough(position)?;
        Ok(position)
    }

    /// Up to where in the log what was read as of `as_of` is still so; `None` where it is not, or where nobody here knows.
    ///
    /// The hub must have seen no change of it since. It must be as far as the read model, else a hub that is cut off from
    /// the log would vouch for what the read model knows better. And no other read model may have taken the place of the
    /// one that it was read from: the new one may say something else of the same log.
    pub(crate) fn still(&self, shown: Shown<'_>, as_of: AsOf) -> Option<Position> {
        let now = self.checkpoint.now().filter(|now| now.generation == as_of.generation)?;
        let seen = self.seen.unchanged_to(shown, as_of.position)?;
        let is_as_far = seen.epoch == now.position.epoch && seen.seq >= now.position.seq;
        is_as_far.then_some(if now.position.seq > as_of.position.seq { now.position } else { as_of.position })
    }
}

impl FromRef<App> for Arc<Authenticator> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.authenticator)
    }
}
