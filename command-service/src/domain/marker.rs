//! How far may somebody say that he has read a room?

use super::Rejection;
use super::membership::member;
use events::marker::RoomRead;
use events::{Marker, Membership, Room, RoomId, Time, UserId};

/// Say that a room was read up to an entry.
#[derive(Debug, Clone, Copy)]
pub struct MarkRead {
    pub room: RoomId,
    /// The last entry that was read.
    pub seq: u64,
    /// The last entry that can be read by now: nobody has read beyond it.
    pub head: u64,
    pub by: UserId,
    pub now: Time,
}

/// Members mark, muted or not. A marker never goes back.
pub fn read(
    room: Option<&Room>,
    membership: Option<&Membership>,
    marker: Option<&Marker>,
    command: &MarkRead,
) -> Result<Option<RoomRead>, Rejection> {
    let (_, member) = member(room, membership, command.by, command.now)?;
    let seq = command.seq.min(command.head);
    let before = marker.map_or(0, |marker| marker.seq);
    Ok((seq > before).then_some(RoomRead { user: member.user(), room: command.room, seq }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::membership::{Restriction, Role};
    use events::{Evolve, LoungeId, Visibility};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    const HALL: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));

    fn room(visibility: Visibility) -> Room {
        Room {
            lounge: LoungeId(Uuid::from_u128(9)),
            name: "Hall".to_owned(),
            topic: None,
            language: "en".to_owned(),
            visibility,
            guests: false,
            active: false,
            owners: BTreeSet::new(),
            created_at: Time::UNIX_EPOCH,
            kept: Default::default(),
        }
    }

    fn ada_reads(membership: &Membership, marker: Option<u64>, seq: u64) -> Result<Option<u64>, Rejection> {
        let marker = marker.map(|seq| Marker { seq, ..Marker::default() });
        let command = MarkRead { room: HALL, seq, head: 10, by: ADA, now: Time::UNIX_EPOCH };
        let read = read(Some(&room(Visibility::Public)), Some(membership), marker.as_ref(), &command)?;
        // What was decided is what the state becomes.
        if let Some(read) = &read {
            assert_eq!(Marker::after(marker, &read.clone().into()).map(|marker| marker.seq), Some(read.seq));
        }
        Ok(read.map(|read| read.seq))
    }

    fn muted() -> Membership {
        let muted = Some(Restriction { until: None, reason: None });
        Membership { role: Some(Role::Member), muted, ..Membership::default() }
    }

    #[test]
    fn a_marker_goes_forward_only_and_not_beyond_the_head() {
        assert_eq!(ada_reads(&muted(), None, 4), Ok(Some(4)));
        assert_eq!(ada_reads(&muted(), Some(4), 9), Ok(Some(9)));
        assert_eq!(ada_reads(&muted(), Some(4), 4), Ok(None));
        assert_eq!(ada_reads(&muted(), Some(4), 3), Ok(None));
        assert_eq!(ada_reads(&muted(), Some(4), u64::MAX), Ok(Some(10)));
        assert_eq!(ada_reads(&muted(), Some(10), 11), Ok(None));
        assert_eq!(ada_reads(&muted(), None, 0), Ok(None));
    }

    #[test]
    fn who_is_not_in_the_room_marks_nothing() {
        let gone = Membership::default();
        assert_eq!(ada_reads(&gone, None, 4), Err(Rejection::NotAMember));
        let banned = Membership { banned: Some(Restriction { until: None, reason: None }), ..gone };
        assert_eq!(ada_reads(&banned, None, 4), Err(Rejection::Banned { until: None }));
        let command = MarkRead { room: HALL, seq: 4, head: 10, by: ADA, now: Time::UNIX_EPOCH };
        assert_eq!(read(Some(&room(Visibility::Private)), None, None, &command), Err(Rejection::NotFound));
        assert_eq!(read(None, Some(&muted()), None, &command), Err(Rejection::NotFound));
    }
}
