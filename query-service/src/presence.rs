//! How often is a room's presence computed? Once a second at most, however many ask.

use events::{Position, RoomId};
use platform::Problem;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

use crate::read::presence::Found;

/// The least time between two computations of one room's presence.
const COMPUTED_EVERY: Duration = Duration::from_secs(1);
/// Most rooms whose presence is held, some 60 KiB each at most. Beyond that those of the last second are held no longer.
const ROOMS_MAX: usize = 1_000;

/// Each room's presence, as it was computed last.
#[derive(Debug, Default)]
pub struct Presences(Mutex<HashMap<RoomId, Arc<Slot>>>);

/// Who has the turn computes; who waits for it finds what was computed.
type Slot = tokio::sync::Mutex<Option<Taken>>;

#[derive(Debug, Clone)]
struct Taken {
    at: Instant,
    found: Arc<Found>,
}

impl Presences {
    /// A room's presence of this second; with `wanted`, of a read model that is there. Who wants what is newer than
    /// that of this second waits for the next one.
    ///
    /// # Errors
    /// What the computation fails with; that is not held.
    pub async fn of<F>(
        &self,
        room: RoomId,
        wanted: Option<Position>,
        compute: impl FnOnce() -> F,
    ) -> Result<Arc<Found>, Problem>
    where
        F: Future<Output = Result<Found, Problem>>,
    {
        let slot = self.slot(room);
        let mut turn = slot.lock().await;
        if let Some(Taken { at, found }) = turn.clone()
            && at.elapsed() < COMPUTED_EVERY
        {
            if wanted.is_none_or(|wanted| found.position.epoch == wanted.epoch && found.position.seq >= wanted.seq) {
                return Ok(found);
            }
            sleep_until(at + COMPUTED_EVERY).await;
        }
        let at = Instant::now();
        let found = Arc::new(compute().await?);
        *turn = Some(Taken { at, found: Arc::clone(&found) });
        Ok(found)
    }

    fn slot(&self, room: RoomId) -> Arc<Slot> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS_MAX && !rooms.contains_key(&room) {
            // Nobody waits for these, and they are old; else all go but those that somebody waits for.
            let is_old = |slot: &Arc<Slot>| {
                slot.try_lock()
                    .is_ok_and(|taken| taken.as_ref().is_none_or(|taken| taken.at.elapsed() >= COMPUTED_EVERY))
            };
            rooms.retain(|_, slot| Arc::strong_count(slot) > 1 || !is_old(slot));
            if rooms.len() >= ROOMS_MAX {
                rooms.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
        }
        Arc::clone(rooms.entry(room).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::presence::Counts;
    use events::Epoch;
    use std::sync::atomic::{AtomicU64, Ordering};
    use uuid::Uuid;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));

    fn at(seq: u64) -> Position {
        Position { epoch: Epoch(1), seq }
    }

    /// Computes, and counts how often; each time the read model is one further.
    async fn asked(presences: &Presences, wanted: Option<Position>, computed: &AtomicU64) -> u64 {
        let compute = || async {
            let seq = computed.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(Found { position: at(seq), counts: Counts::default(), there: Vec::new() })
        };
        presences.of(ROOM, wanted, compute).await.expect("computed").position.seq
    }

    // Red with `COMPUTED_EVERY` of zero, and without the slot's turn.
    #[tokio::test(start_paused = true)]
    async fn of_many_at_once_one_computes_and_a_second_later_another() {
        let (presences, computed) = (Presences::default(), AtomicU64::new(0));
        let all = futures::future::join_all((0..50).map(|_| asked(&presences, None, &computed))).await;
        assert!(all.iter().all(|seq| *seq == 1));
        tokio::time::advance(COMPUTED_EVERY).await;
        assert_eq!(asked(&presences, None, &computed).await, 2);
    }

    // Red without the comparison with `wanted`, and without the sleep.
    #[tokio::test(start_paused = true)]
    async fn who_wants_what_is_newer_waits_for_the_next_second() {
        let (presences, computed) = (Presences::default(), AtomicU64::new(0));
        let began = Instant::now();
        assert_eq!(asked(&presences, Some(at(1)), &computed).await, 1);
        assert_eq!(asked(&presences, Some(at(1)), &computed).await, 1);
        assert_eq!(asked(&presences, Some(at(2)), &computed).await, 2);
        assert!(began.elapsed() >= COMPUTED_EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_rooms_are_held_than_fit() {
        let presences = Presences::default();
        for room in 0..u128::try_from(ROOMS_MAX).expect("fits") + 10 {
            presences.slot(RoomId(Uuid::from_u128(room)));
        }
        assert!(presences.0.lock().expect("nobody panics").len() <= ROOMS_MAX);
    }
}
