//! Who is in which room, as what, since when? `rm.members`: the state of each person in each room.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{Change, Membership, MembershipEvent, Role, RoomId, UserId, membership::Restriction};
use std::collections::BTreeMap;
use tokio_postgres::Error;

// Only a joining knows its room_seq. Where these facts say neither that the person came nor that he left, the row keeps it.
const UPSERT: &str = "
    insert into members (
        room_id, user_id, role, joined_at, joined_seq, muted, muted_until, mute_reason,
        banned, banned_until, ban_reason, position
    )
    select room_id, user_id, fact.role, fact.joined_at,
        case when fact.stays then before.joined_seq else fact.joined_seq end,
        fact.muted, fact.muted_until, fact.mute_reason, fact.banned, fact.banned_until, fact.ban_reason, fact.position
    from unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[], $6::boolean[], $7::boolean[],
        $8::timestamptz[], $9::text[], $10::boolean[], $11::timestamptz[], $12::text[], $13::bigint[]
    ) as fact (
        room_id, user_id, role, joined_at, joined_seq, stays, muted,
        muted_until, mute_reason, banned, banned_until, ban_reason, position
    )
    left join members before using (room_id, user_id)
    on conflict on constraint members_pkey do update set
        role = excluded.role,
        joined_at = excluded.joined_at,
        joined_seq = excluded.joined_seq,
        muted = excluded.muted,
        muted_until = excluded.muted_until,
        mute_reason = excluded.mute_reason,
        banned = excluded.banned,
        banned_until = excluded.banned_until,
        ban_reason = excluded.ban_reason,
        position = excluded.position";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<(RoomId, UserId), Row<'a>>);

pub(super) struct Row<'a> {
    after: &'a Membership,
    pub(super) presence: Presence,
    position: u64,
}

/// What some facts say of one person's being in one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Came with this `room_seq`, the last time, and has not left since.
    Since(u64),
    /// Is not there; or came back in a way that no fact tells.
    Over,
    /// Neither came nor left: it is as it was.
    AsBefore,
}

impl Presence {
    fn after(self, change: &Change<MembershipEvent, Membership>, room_seq: u64) -> Self {
        if change.after.joined_at.is_none() {
            return Self::Over;
        }
        match &change.event {
            MembershipEvent::Joined(_) | MembershipEvent::Added(_) => Self::Since(room_seq),
            MembershipEvent::Left(_)
            | MembershipEvent::Kicked(_)
            | MembershipEvent::Banned(_)
            | MembershipEvent::Unbanned(_)
            | MembershipEvent::Muted(_)
            | MembershipEvent::Unmuted(_)
            | MembershipEvent::RoleChanged(_) => self,
        }
    }

    fn joined_seq(self) -> Option<u64> {
        match self {
            Self::Since(seq) => Some(seq),
            Self::Over | Self::AsBefore => None,
        }
    }
}

impl<'a> Changes<'a> {
    pub(super) fn fold(
        &mut self,
        room: RoomId,
        user: UserId,
        change: &'a Change<MembershipEvent, Membership>,
        room_seq: u64,
        position: u64,
    ) {
        let before = self.0.get(&(room, user)).map_or(Presence::AsBefore, |row| row.presence);
        let presence = before.after(change, room_seq);
        self.0.insert((room, user), Row { after: &change.after, presence, position });
    }

    #[cfg(test)]
    pub(super) fn row(&self, room: RoomId, user: UserId) -> Option<&Row<'a>> {
        self.0.get(&(room, user))
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        fn until(restriction: &Option<Restriction>) -> Option<events::Time> {
            restriction.as_ref().and_then(|restriction| restriction.until)
        }
        fn reason(restriction: &Option<Restriction>) -> Option<&str> {
            restriction.as_ref().and_then(|restriction| restriction.reason.as_deref())
        }
        let states = || self.0.values().map(|row| row.after);
        let rooms: Vec<_> = self.0.keys().map(|(room, _)| room.0).collect();
        let users: Vec<_> = self.0.keys().map(|(_, user)| user.0).collect();
        let roles: Vec<_> = states().map(|member| member.role.map(Role::as_str)).collect();
        let joined: Vec<_> = states().map(|member| member.joined_at).collect();
        let joined_seqs: Vec<_> = self.0.values().map(|row| row.presence.joined_seq().map(bigint)).collect();
        let stays: Vec<_> = self.0.values().map(|row| row.presence == Presence::AsBefore).collect();
        let muted: Vec<_> = states().map(|member| member.muted.is_some()).collect();
        let muted_until: Vec<_> = states().map(|member| until(&member.muted)).collect();
        let mute_reasons: Vec<_> = states().map(|member| reason(&member.muted)).collect();
        let banned: Vec<_> = states().map(|member| member.banned.is_some()).collect();
        let banned_until: Vec<_> = states().map(|member| until(&member.banned)).collect();
        let ban_reasons: Vec<_> = states().map(|member| reason(&member.banned)).collect();
        let positions: Vec<_> = self.0.values().map(|row| bigint(row.position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction
            .execute(
                &upsert,
                &[
                    &rooms,
                    &users,
                    &roles,
                    &joined,
                    &joined_seqs,
                    &stays,
                    &muted,
                    &muted_until,
                    &mute_reasons,
                    &banned,
                    &banned_until,
                    &ban_reasons,
                    &positions,
                ],
            )
            .await?;
        Ok(())
    }
}
