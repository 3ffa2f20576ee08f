//! Who may read what of a room? The read model's rights at its checkpoint, overlaid by what was seen after it.

use chrono::Utc;
use events::{Membership, Position, Role, RoomId, Time, UserId, Visibility, membership::Restriction};
use platform::{Code, Problem};

use crate::wait;

/// Whoever follows the log, and so may know more than the read model: the hub.
pub trait SeenAfter: Send + Sync + 'static {
    /// The last state of this membership that was seen after sequence `checkpoint`, if any was.
    fn right_after(&self, room: RoomId, user: UserId, checkpoint: u64) -> Option<Membership>;

    /// Whether `checkpoint` is so old that something after it may have been forgotten again.
    fn behind(&self, checkpoint: u64) -> bool;

    /// Up to where what was read at `at` is still so, as far as was seen: `at` itself or later. `None` where it has
    /// changed since, or where that is not known. Who does not follow lets nothing be kept.
    fn unchanged_to(&self, _shown: Shown<'_>, _at: Position) -> Option<Position> {
        None
    }
}

/// What an answer shows, as far as a change of it can be seen.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// How somebody stands in a room: what changes it is not dropped but laid over it.
    Standing,
    /// A room's messages, reactions and head, and the names of those who said something.
    Page { room: RoomId, authors: &'a [UserId] },
    /// The lounges, and how many rooms are in each.
    Lounges,
    /// Cards of rooms with their heads, and that there are no others.
    Rooms { rooms: &'a [RoomId] },
    /// That somebody is in no room of some kind.
    Stranger(UserId),
}

/// A person in a room as far as reading goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub role: Option<Role>,
    pub banned: Option<Restriction>,
}

impl Standing {
    /// As a row has it: `banned` says whether a ban was spoken, `until` when it ends.
    #[must_use]
    pub fn new(role: Option<Role>, banned: bool, until: Option<Time>) -> Self {
        Self { role, banned: banned.then_some(Restriction { until, reason: None }) }
    }

    /// With what was seen after the checkpoint that the row is of.
    ///
    /// # Errors
    /// 503 `read-model-behind` when too much has happened since then to know.
    pub fn overlaid(self, seen: &dyn SeenAfter, of: (RoomId, UserId), at: Position) -> Result<Self, Problem> {
        if seen.behind(at.seq) {
            return Err(wait::behind());
        }
        Ok(match seen.right_after(of.0, of.1, at.seq) {
            Some(after) => Self { role: after.role, banned: after.banned },
            None => self,
        })
    }

    /// For history, members and feed.
    ///
    /// # Errors
    /// Of a private room 404 for all but members; of a public one 403 `banned` or `forbidden`.
    pub fn reads(&self, visibility: Visibility) -> Result<Role, Problem> {
        match (self.role, visibility) {
            (Some(role), _) => Ok(role),
            (None, Visibility::Private) => Err(Problem::not_found()),
            (None, Visibility::Public) if self.banned.as_ref().is_some_and(|ban| ban.holds(Utc::now())) => {
                Err(Problem::new(Code::Banned, "You are banned from this room."))
            }
            (None, Visibility::Public) => Err(Problem::new(Code::Forbidden, "This is for the room's members.")),
        }
    }

    /// For a room's card, alone and in lists.
    #[must_use]
    pub fn sees_card(&self, visibility: Visibility) -> bool {
        match visibility {
            Visibility::Public => true,
            Visibility::Private => self.role.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use events::Epoch;
    use uuid::Uuid;

    /// Has seen one membership change, at a sequence, and forgets what is older than another.
    struct Hub {
        at: u64,
        after: Membership,
        oldest: u64,
    }

    impl SeenAfter for Hub {
        fn right_after(&self, _: RoomId, _: UserId, checkpoint: u64) -> Option<Membership> {
            (self.at > checkpoint).then(|| self.after.clone())
        }

        fn behind(&self, checkpoint: u64) -> bool {
            checkpoint < self.oldest
        }
    }

    const WHO: (RoomId, UserId) = (RoomId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));

    fn at(seq: u64) -> Position {
        Position { epoch: Epoch(1), seq }
    }

    fn member() -> Standing {
        Standing::new(Some(Role::Member), false, None)
    }

    fn code(refused: Result<Role, Problem>) -> Code {
        refused.expect_err("refused").code
    }

    #[test]
    fn history_is_for_members_and_a_private_room_is_not_known_to_others() {
        assert_eq!(member().reads(Visibility::Private).expect("a member"), Role::Member);
        let nobody = Standing::default();
        assert_eq!(code(nobody.reads(Visibility::Public)), Code::Forbidden);
        assert_eq!(code(nobody.reads(Visibility::Private)), Code::NotFound);
        assert!(nobody.sees_card(Visibility::Public) && !nobody.sees_card(Visibility::Private));
    }

    #[test]
    fn who_is_banned_hears_so_in_public_until_the_ban_ends() {
        let banned = Standing::new(None, true, None);
        assert_eq!(code(banned.reads(Visibility::Public)), Code::Banned);
        assert_eq!(code(banned.reads(Visibility::Private)), Code::NotFound);
        let over = Standing::new(None, true, Some(Utc::now() - TimeDelta::seconds(1)));
        assert_eq!(code(over.reads(Visibility::Public)), Code::Forbidden);
    }

    #[test]
    fn a_kick_that_the_hub_has_seen_holds_before_the_read_model_knows_it() {
        let hub = Hub { at: 9, after: Membership::default(), oldest: 2 };
        let before = member().overlaid(&hub, WHO, at(8)).expect("known");
        assert_eq!(code(before.reads(Visibility::Public)), Code::Forbidden);
        let after = member().overlaid(&hub, WHO, at(9)).expect("known");
        assert_eq!(after, member(), "the row is of the kick's time or later and has come back since");
        assert_eq!(member().overlaid(&hub, WHO, at(1)).expect_err("forgotten").code, Code::ReadModelBehind);
    }
}
