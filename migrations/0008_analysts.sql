-- What analysts read: views that stay as they are while the tables behind them change. They lie inside `rm`, so that they
-- change places with it; a rebuild makes them anew with the tables.
create view rm.analyst_progress as
select seq, epoch, event_time
  from rm.checkpoint;
comment on view rm.analyst_progress is 'How far the read model has come: a rebuild may show several parts.';
comment on column rm.analyst_progress.seq is 'The last sequence of CHAT that is in these views.';
comment on column rm.analyst_progress.epoch is 'The history that seq belongs to.';
comment on column rm.analyst_progress.event_time is 'When that event happened.';

create view rm.analyst_users as
select id, display_name, kind, standing, created_at
  from rm.users;
comment on view rm.analyst_users is 'People, as everybody may see them.';
comment on column rm.analyst_users.id is 'User id.';
comment on column rm.analyst_users.display_name is 'Empty once erased.';
comment on column rm.analyst_users.kind is 'registered or guest.';
comment on column rm.analyst_users.standing is 'active, suspended, expired or erased.';
comment on column rm.analyst_users.created_at is 'When the person appeared.';

create view rm.analyst_lounges as
select id, name, owner_id, active, created_at
  from rm.lounges;
comment on view rm.analyst_lounges is 'Lounges.';
comment on column rm.analyst_lounges.id is 'Lounge id.';
comment on column rm.analyst_lounges.name is 'Not unique.';
comment on column rm.analyst_lounges.owner_id is 'Who made it.';
comment on column rm.analyst_lounges.active is 'False while archived.';
comment on column rm.analyst_lounges.created_at is 'When it was made.';

create view rm.analyst_rooms as
select r.id, r.lounge_id, r.name, r.topic, r.language, r.visibility, r.guests, r.active, r.owners, r.created_at,
       h.seq as room_seq
  from rm.rooms r
  left join rm.room_head h on h.room_id = r.id;
comment on view rm.analyst_rooms is 'Rooms.';
comment on column rm.analyst_rooms.id is 'Room id.';
comment on column rm.analyst_rooms.lounge_id is 'The lounge that holds it.';
comment on column rm.analyst_rooms.name is 'Not unique.';
comment on column rm.analyst_rooms.topic is 'Free text, or absent.';
comment on column rm.analyst_rooms.language is 'BCP 47.';
comment on column rm.analyst_rooms.visibility is 'public or private.';
comment on column rm.analyst_rooms.guests is 'Whether guests may join.';
comment on column rm.analyst_rooms.active is 'False while archived.';
comment on column rm.analyst_rooms.owners is 'Owners, in order of their ids.';
comment on column rm.analyst_rooms.created_at is 'When it was made.';
comment on column rm.analyst_rooms.room_seq is 'How many events it has had.';

create view rm.analyst_members as
select room_id, user_id, role, joined_at, muted, muted_until, banned, banned_until
  from rm.members;
comment on view rm.analyst_members is 'Who is, was or may not be in which room.';
comment on column rm.analyst_members.room_id is 'Room id.';
comment on column rm.analyst_members.user_id is 'User id.';
comment on column rm.analyst_members.role is 'member, moderator, owner; absent: not in the room.';
comment on column rm.analyst_members.joined_at is 'When the person came, the last time.';
comment on column rm.analyst_members.muted is 'Whether a mute was spoken; it holds until muted_until.';
comment on column rm.analyst_members.muted_until is 'Absent while muted: for ever.';
comment on column rm.analyst_members.banned is 'Whether a ban was spoken; it holds until banned_until.';
comment on column rm.analyst_members.banned_until is 'Absent while banned: for ever.';

create view rm.analyst_messages as
select id, room_id, room_seq, position, author_id, case when status = 'visible' then text end as text, reply_to, mentions,
       created_at, edited_at, status, language
  from rm.messages;
comment on view rm.analyst_messages is 'What was said, with the texts that everybody in the room may see.';
comment on column rm.analyst_messages.id is 'Message id.';
comment on column rm.analyst_messages.room_id is 'The room it was said in.';
comment on column rm.analyst_messages.room_seq is 'Its number in the room.';
comment on column rm.analyst_messages.position is 'Sequence of its posting.';
comment on column rm.analyst_messages.author_id is 'Who said it; never changes.';
comment on column rm.analyst_messages.text is 'Exactly as sent; absent unless the message is visible.';
comment on column rm.analyst_messages.reply_to is 'A message of the same room.';
comment on column rm.analyst_messages.mentions is 'Users named, in the order sent.';
comment on column rm.analyst_messages.created_at is 'When it was posted.';
comment on column rm.analyst_messages.edited_at is 'When it was edited last.';
comment on column rm.analyst_messages.status is 'visible, hidden, removed or deleted.';
comment on column rm.analyst_messages.language is 'The room''s language, BCP 47, when it was said.';

create view rm.analyst_reactions as
select message_id, room_id, user_id, emoji
  from rm.reactions;
comment on view rm.analyst_reactions is 'Who reacts how, as it stands now.';
comment on column rm.analyst_reactions.message_id is 'Message id.';
comment on column rm.analyst_reactions.room_id is 'The message''s room.';
comment on column rm.analyst_reactions.user_id is 'Who reacted.';
comment on column rm.analyst_reactions.emoji is 'One emoji.';

create view rm.analyst_moderation as
select position, room_id, at, actor_id, action, message_id, user_id, role, reason, until
  from rm.moderation;
comment on view rm.analyst_moderation is 'What was reported and what moderators did, whether or not it changed anything.';
comment on column rm.analyst_moderation.position is 'Sequence in CHAT.';
comment on column rm.analyst_moderation.room_id is 'Room id.';
comment on column rm.analyst_moderation.at is 'When it was decided.';
comment on column rm.analyst_moderation.actor_id is 'Who did it; absent: no person.';
comment on column rm.analyst_moderation.action is 'reported, hidden, removed, restored, removed_all, kicked, banned, unbanned, muted, unmuted or role.';
comment on column rm.analyst_moderation.message_id is 'The message it is about.';
comment on column rm.analyst_moderation.user_id is 'The person it is about.';
comment on column rm.analyst_moderation.role is 'Of role: what the person became.';
comment on column rm.analyst_moderation.reason is 'As given.';
comment on column rm.analyst_moderation.until is 'Of a ban or mute: its end; absent: for ever.';

do $$
declare
    shown text;
begin
    if exists (select from pg_roles where rolname = 'chatroom_analyst') then
        grant usage on schema rm to chatroom_analyst;
        foreach shown in array array['progress', 'users', 'lounges', 'rooms', 'members', 'messages', 'reactions', 'moderation'] loop
            execute format('grant select on rm.%I to chatroom_analyst', 'analyst_' || shown);
        end loop;
    end if;
end
$$;
