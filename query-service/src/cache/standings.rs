//! How does somebody stand in a room, asked without a statement? As the read model last said it, overlaid by the hub.

use events::{RoomId, UserId};
use platform::Problem;

use crate::{
    app::App,
    read::standings,
    rights::{Shown, Standing},
    wait::AsOf,
};

/// A standing as the read model had it. It is never dropped: what the hub has seen of it since is laid over it, as over
/// any row ([`Standing::overlaid`]), and where the hub does not reach back so far the read model is asked again.
pub(crate) struct Known {
    pub(crate) row: Standing,
    pub(crate) as_of: AsOf,
}

impl App {
    /// How somebody stands in a room now: what is kept of him, else what the read model says.
    pub(crate) async fn standing_of(&self, room: RoomId, user: UserId) -> Result<Standing, Problem> {
        let is_current = |known: &Known| self.still(Shown::Standing, known.as_of).is_some();
        let known = self
            .caches
            .standings
            .get((room, user), is_current, async {
                let (row, as_of) = standings::in_room(&self.direct, room, user).await?;
                Ok(Known { row, as_of })
            })
            .await?;
        self.standing(known.row.clone(), room, user, known.as_of.position)
    }
}
