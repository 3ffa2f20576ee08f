//! Two instances in one house.

use super::{Halting, House, Instance};
use event_log::Fact;
use events::StreamName;
use std::sync::Arc;

pub(crate) struct Pair {
    pub(crate) house: House,
    pub(crate) one: Instance,
    pub(crate) two: Instance,
}

impl Pair {
    /// Without any Postgres.
    pub(crate) async fn start() -> Self {
        Self::in_house(House::new().await).await
    }

    pub(crate) async fn in_house(house: House) -> Self {
        let (one, two) = tokio::join!(house.instance(), house.instance());
        Self { house, one, two }
    }

    /// Two whose appends can be stopped, the first's and the second's.
    pub(crate) async fn halting() -> (Self, [Arc<Halting>; 2]) {
        let house = House::new().await;
        let ((one, first), (two, second)) = tokio::join!(house.halting(), house.halting());
        (Self { house, one, two }, [first, second])
    }

    /// Every fact of `CHAT` so far, in order.
    pub(crate) async fn chat(&self) -> Vec<Fact> {
        self.house.facts(StreamName::Chat).await
    }

    pub(crate) async fn stop(self) {
        tokio::join!(self.one.stops(), self.two.stops());
        self.house.stop().await;
    }
}
