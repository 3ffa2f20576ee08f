//! What is kept of lists? The first page of the lounges, and of a lounge's rooms as somebody sees them who is in none of them.

use bytes::Bytes;
use events::{LoungeId, Position, RoomId, UserId};
use platform::Problem;
use serde::Serialize;
use std::sync::Arc;

use super::pages::{behind, json};
use crate::{
    app::App,
    page::Onward,
    read::standings,
    resource::{Lounge, Room},
    rights::Shown,
    wait::AsOf,
};

/// The lounges' first page, the same for all.
pub(crate) struct Lounges {
    pub(crate) as_of: AsOf,
    pub(crate) list: List,
}

/// The first page of a lounge's public rooms. Who is in a room of the lounge sees private ones and what he has not read,
/// and is read his own.
pub(crate) struct Cards {
    pub(crate) as_of: AsOf,
    pub(crate) list: List,
    shown: Vec<RoomId>,
}

/// Whether somebody is in none of a lounge's rooms.
pub(crate) struct Stranger {
    user: UserId,
    as_of: AsOf,
    is_one: bool,
}

/// A page's bytes without its position.
pub(crate) struct List(Bytes);

#[derive(Serialize)]
struct Head<'a, T> {
    items: &'a [T],
    page: &'a Onward,
}

#[derive(Serialize)]
struct Tail {
    position: Position,
}

impl List {
    pub(crate) fn of<T: Serialize>(items: &[T], page: &Onward) -> Result<Self, Problem> {
        json(&Head { items, page }).map(Self)
    }

    /// What the list says, wherever the read model is.
    pub(crate) fn content(&self) -> &[u8] {
        &self.0
    }

    /// The answer, as the read model is at `position`.
    pub(crate) fn at(&self, position: Position) -> Result<Bytes, Problem> {
        behind(&self.0, &Tail { position })
    }
}

impl Lounges {
    pub(crate) fn of(as_of: AsOf, lounges: &[Lounge], page: &Onward) -> Result<Self, Problem> {
        Ok(Self { as_of, list: List::of(lounges, page)? })
    }
}

impl Cards {
    pub(crate) fn of(as_of: AsOf, rooms: &[Room], page: &Onward) -> Result<Self, Problem> {
        Ok(Self { as_of, list: List::of(rooms, page)?, shown: rooms.iter().map(|room| room.id).collect() })
    }

    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown::Rooms { rooms: &self.shown }
    }
}

/// A lounge's rooms as they are kept, where they are the same for this caller.
pub(crate) async fn rooms_list(
    app: &App,
    lounge: LoungeId,
    caller: UserId,
    read: impl Future<Output = Result<Cards, Problem>>,
) -> Result<Option<Arc<Cards>>, Problem> {
    let is_current = |stranger: &Stranger| app.still(Shown::Stranger(stranger.user), stranger.as_of).is_some();
    let stranger = app
        .caches
        .strangers
        .get((lounge, caller), is_current, async {
            let (as_of, is_one) = standings::is_stranger(&app.checked, lounge, caller).await?;
            Ok(Stranger { user: caller, as_of, is_one })
        })
        .await?;
    if !stranger.is_one || !is_current(&stranger) {
        return Ok(None);
    }
    let is_current = |cards: &Cards| app.still(cards.shown(), cards.as_of).is_some();
    app.caches.rooms.get(lounge, is_current, read).await.map(Some)
}
