-- Who is there, and how far who has read: the streams PRESENCE and MARKERS.
comment on schema rm_live is 'Read models of IDENTITY, PRESENCE and MARKERS: a row is the state of its subject''s last message.';
comment on column rm_live.checkpoint.projection is 'Which projection: identity, presence or markers.';

create table rm_live.presence (
    user_id uuid not null,
    state text not null,
    last_seen timestamptz not null,
    position bigint not null,
    constraint presence_pkey primary key (user_id)
);
comment on table rm_live.presence is 'Who is there, as far as it was told: leases, which decide it, lie beside the log. Serves: GET /v1/rooms/{id}/presence.';
comment on column rm_live.presence.user_id is 'User id.';
comment on column rm_live.presence.state is 'online, away, dnd or offline.';
comment on column rm_live.presence.last_seen is 'Since when it is so: of who is offline, when he went.';
comment on column rm_live.presence.position is 'Sequence in PRESENCE.';
-- Who is there at all; leases that were missed while away.
create index presence_state_last_seen on rm_live.presence (state, last_seen);
-- Lists by last seen, whatever the state.
create index presence_last_seen on rm_live.presence (last_seen);

create table rm_live.markers (
    user_id uuid not null,
    room_id uuid not null,
    seq bigint not null,
    position bigint not null,
    constraint markers_pkey primary key (user_id, room_id)
);
comment on table rm_live.markers is 'How far each person has read each room. Serves: read, unread and mentions of cards, lists and sockets.';
comment on column rm_live.markers.user_id is 'Who has read.';
comment on column rm_live.markers.room_id is 'Room id.';
comment on column rm_live.markers.seq is 'The greatest room_seq that was read: never goes back.';
comment on column rm_live.markers.position is 'Sequence in MARKERS.';

do $$
declare
    right_of record;
begin
    for right_of in
        select * from (values
            ('chatroom_projector', 'select, insert, update, delete on rm_live.presence, rm_live.markers'),
            ('chatroom_query', 'select on rm_live.presence, rm_live.markers')
        ) as rights (role, what)
    loop
        if exists (select from pg_roles where rolname = right_of.role) then
            execute format('grant %s to %I', right_of.what, right_of.role);
        end if;
    end loop;
end
$$;
