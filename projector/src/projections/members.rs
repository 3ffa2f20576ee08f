//! Who is in which room, as what, since when? `rm.members`: the state of each person in each room.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{Change, Membership, MembershipEvent, Role, RoomId, UserId, membership::Restriction};
use std::collections::BTreeMap;
use tokio_postgres::Error;

// Only a joining knows its room_seq; as long as the person stays, the row keeps it.
const UPSERT: &str = "
    insert into members (
        room_id, user_id, role, joined_at, joined_seq, muted, muted_until, mute_reason,
        banned, banned_until, ban_reason, position
    )
    select * from unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[], $6::boolean[], $7::timestamptz[],
        $8::text[], $9::boolean[], $10::timestamptz[], $11::text[], $12::bigint[]
    )
    on conflict on constraint members_pkey do update set
        role = excluded.role,
        joined_at = excluded.joined_at,
        joined_seq = case
            when excluded.joined_at is not null then coalesce(excluded.joined_seq, members.joined_seq)
        end,
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
    /// `room_seq` of the joining, where these facts tell it.
    pub(super) joined_seq: Option<u64>,
    position: u64,
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
        let before = self.0.get(&(room, user)).and_then(|row| row.joined_seq);
        let joined_seq = match &change.event {
            MembershipEvent::Joined(_) | MembershipEvent::Added(_) => Some(room_seq),
            MembershipEvent::Left(_)
            | MembershipEvent::Kicked(_)
            | MembershipEvent::Banned(_)
            | MembershipEvent::Unbanned(_)
            | MembershipEvent::Muted(_)
            | MembershipEvent::Unmuted(_)
            | MembershipEvent::RoleChanged(_) => before,
        };
        let joined_seq = joined_seq.filter(|_| change.after.joined_at.is_some());
        self.0.insert((room, user), Row { after: &change.after, joined_seq, position });
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
        let joined_seqs: Vec<_> = self.0.values().map(|row| row.joined_seq.map(bigint)).collect();
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
