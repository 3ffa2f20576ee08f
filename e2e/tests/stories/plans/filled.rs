//! Many rows in every table, so that the planner has a choice.

use super::asked::connected;
use events::UserId;
use testkit::{Room, System};

/// Fills every table around this room: ids of what is only there to be many are the hash of a kind and a number.
pub(crate) async fn fill(system: &System, room: Room, people: [UserId; 2]) {
    let operator = connected(&system.servers.postgres.url(servers::Role::Operator)).await;
    let id = "create function pg_temp.id(kind text, n bigint) returns uuid language sql immutable as
              $$ select md5(kind || n)::uuid $$";
    operator.batch_execute(id).await.expect("the operator may");
    let [ada, bob] = people;
    let (room, lounge) = (room.id, room.lounge);
    let rows = format!(
        "
        insert into rm.users select pg_temp.id('user', n), 'user ' || n, 'registered', 'active', 1, now(), 1
          from generate_series(1, 20000) n;
        insert into rm.lounges select pg_temp.id('lounge', n), 'lounge', null, pg_temp.id('user', n), n % 10 > 0, now(), 1
          from generate_series(1, 5000) n;
        insert into rm.rooms
        select pg_temp.id('room', n), case when n <= 200 then '{lounge}' else pg_temp.id('lounge', n % 5000) end, 'room',
               null, 'en', 'public', true, true, '{{}}', now(), 1
          from generate_series(1, 10000) n;
        insert into rm.room_head select pg_temp.id('room', n), 100, 1 from generate_series(1, 10000) n;
        insert into rm.members
        select pg_temp.id('room', 1 + n % 10000), pg_temp.id('user', 1 + n / 5), 'member', now(), 1, false, null, null,
               false, null, null, 1
          from generate_series(0, 99999) n;
        insert into rm.members
        select '{room}', pg_temp.id('user', n), 'member', now(), 1, false, null, null, false, null, null, 1
          from generate_series(1, 200) n;
        insert into rm.members
        select pg_temp.id('room', n), '{ada}', 'member', now(), 1, false, null, null, false, null, null, 1
          from generate_series(1, 100) n;
        insert into rm.messages
        select pg_temp.id('message', n), pg_temp.id('room', 1 + n % 10000), 1000 + n / 10000, 1000000 + n,
               pg_temp.id('user', 1 + n % 20000), 'text', null, '{{}}', now() - n * interval '1 second', null,
               case when n % 100 = 0 then 'hidden' else 'visible' end, 1000000 + n, 'en'
          from generate_series(1, 100000) n;
        insert into rm.messages
        select pg_temp.id('here', n), '{room}', 1000 + n, 2000000 + n,
               case when n % 50 = 0 then '{bob}' else pg_temp.id('user', 1 + n % 200) end, 'text', null, '{{}}',
               now() - n * interval '1 second', null, case when n % 100 = 0 then 'hidden' else 'visible' end, 2000000 + n, 'en'
          from generate_series(1, 5000) n;
        insert into rm.message_versions
        select pg_temp.id('message', n), 500000 + n, pg_temp.id('room', 1 + n % 10000), 'text', now()
          from generate_series(1, 50000) n;
        insert into rm.reactions
        select pg_temp.id('message', n), emoji, pg_temp.id('user', n), pg_temp.id('room', 1 + n % 10000), 1
          from generate_series(1, 20000) n, unnest(array['👍', '🎉']) emoji;
        insert into rm.moderation
        select 3000000 + n, pg_temp.id('room', 1 + n % 1000), now(), pg_temp.id('user', n), 'reported',
               pg_temp.id('message', n), null, null, null, null
          from generate_series(1, 50000) n;
        insert into rm.parked
        select 4000000 + n, 'room ' || pg_temp.id('room', 1 + n % 100), pg_temp.id('room', 1 + n % 100), 2000 + n / 100,
               'subject', 'type', '{{}}', '', now(), case when n <= 100 then 'broken' end
          from generate_series(1, 20000) n;
        insert into rm.feed
        select pg_temp.id('room', 1 + n % 10000), 1000 + n / 10000, 1000000 + n, 'message.posted', now(),
               pg_temp.id('user', n), pg_temp.id('message', n), null, null
          from generate_series(1, 100000) n;
        insert into rm_live.accounts
        select pg_temp.id('user', n), 'registered', 'tag ' || n, '12', 'active', null, now(), 1
          from generate_series(1, 20000) n;
        insert into rm_live.sessions
        select pg_temp.id('session', n), pg_temp.id('user', n), 1, null, now(), now(), now() + n * interval '1 hour',
               now() + interval '3 years', 1
          from generate_series(1, 20000) n;
        insert into rm_live.guest_sessions
        select pg_temp.id('guest', n), pg_temp.id('user', n), now(), now(), now() + n * interval '1 hour',
               now() + interval '3 years', 1
          from generate_series(1, 20000) n;
        insert into rm_live.presence
        select pg_temp.id('user', n), case when n % 10 = 0 then 'online' else 'offline' end, now(), 1
          from generate_series(1, 20000) n;
        insert into rm_live.markers
        select pg_temp.id('user', 1 + n / 5), pg_temp.id('room', 1 + n % 10000), 1, 1
          from generate_series(0, 99999) n;
        analyze"
    );
    operator.batch_execute(&rows).await.expect("they are rows as the projector writes them");
}
