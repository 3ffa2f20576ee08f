-- What was said before it was edited, and what moderators did. Both are for moderators.
alter table rm.messages add column text_position bigint not null default 0;
comment on column rm.messages.text_position is 'Sequence of the posting or the edit that its text is of.';
-- What was edited before has lost its older texts: only a rebuild finds them again, as it finds what moderators did.
update rm.messages set text_position = position;

create table rm.message_versions (
    message_id uuid not null,
    position bigint not null,
    room_id uuid not null,
    text text not null,
    at timestamptz not null,
    constraint message_versions_pkey primary key (message_id, position)
);
comment on table rm.message_versions is 'Texts that an edit replaced; none of a message that is deleted. Serves: GET /v1/rooms/{id}/messages/{message}/versions, by its key.';
comment on column rm.message_versions.message_id is 'Message id.';
comment on column rm.message_versions.position is 'Sequence of the posting or the edit that the text is of.';
comment on column rm.message_versions.room_id is 'The message''s room.';
comment on column rm.message_versions.text is 'Exactly as sent.';
comment on column rm.message_versions.at is 'ce-time of the posting or the edit that the text is of.';

create table rm.moderation (
    position bigint not null,
    room_id uuid not null,
    at timestamptz not null,
    actor_id uuid,
    action text not null,
    message_id uuid,
    user_id uuid,
    role text,
    reason text,
    until timestamptz,
    constraint moderation_pkey primary key (position)
);
comment on table rm.moderation is 'What was reported and what moderators did, whether or not it changed anything.';
comment on column rm.moderation.position is 'Sequence in CHAT.';
comment on column rm.moderation.room_id is 'Room id.';
comment on column rm.moderation.at is 'ce-time.';
comment on column rm.moderation.actor_id is 'Who did it; absent: no person.';
comment on column rm.moderation.action is 'reported, hidden, removed, restored, removed_all, kicked, banned, unbanned, muted, unmuted or role.';
comment on column rm.moderation.message_id is 'The message it is about.';
comment on column rm.moderation.user_id is 'The person it is about; of a message, its author is joined when read.';
comment on column rm.moderation.role is 'Of role: what the person became.';
comment on column rm.moderation.reason is 'As given.';
comment on column rm.moderation.until is 'Of a ban or mute: its end; absent: for ever.';
-- GET /v1/rooms/{id}/moderation, newest first.
create index moderation_room on rm.moderation (room_id, position);

do $$
declare
    right_of record;
begin
    for right_of in
        select * from (values
            ('chatroom_projector', 'select, insert, update, delete on rm.message_versions, rm.moderation'),
            ('chatroom_query', 'select on rm.message_versions, rm.moderation')
        ) as rights (role, what)
    loop
        if exists (select from pg_roles where rolname = right_of.role) then
            execute format('grant %s to %I', right_of.what, right_of.role);
        end if;
    end loop;
end
$$;
