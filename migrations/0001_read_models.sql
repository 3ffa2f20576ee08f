-- Read models of CHAT. Everything here can be dropped and rebuilt from the log.
-- Each table is written by one projection; each index names the query that it serves.
create schema rm;
comment on schema rm is 'Read models of the stream CHAT: derived, replaced whole by a rebuild.';

create table rm.checkpoint (
    projection text not null,
    part integer not null,
    generation integer not null,
    epoch bigint not null,
    seq bigint not null,
    event_id uuid not null,
    chain bytea not null,
    event_time timestamptz not null,
    constraint checkpoint_pkey primary key (projection, part)
);
comment on table rm.checkpoint is 'How far each projection has come: written in the transaction of the rows it speaks of.';
comment on column rm.checkpoint.projection is 'Which projection: chat.';
comment on column rm.checkpoint.part is 'Which part of it; 0 unless a rebuild splits the stream.';
comment on column rm.checkpoint.generation is 'Fence: a projector that was replaced writes nothing more.';
comment on column rm.checkpoint.epoch is 'The history that seq belongs to.';
comment on column rm.checkpoint.seq is 'The last sequence applied.';
comment on column rm.checkpoint.event_id is 'The id of the event at seq: another one there means another log.';
comment on column rm.checkpoint.chain is 'Hash chain over sequence, id and body of every event so far.';
comment on column rm.checkpoint.event_time is 'ce-time of the event at seq; for lag in seconds.';

create table rm.users (
    id uuid not null,
    display_name text not null,
    kind text not null,
    standing text not null,
    credential integer not null,
    created_at timestamptz not null,
    position bigint not null,
    constraint users_pkey primary key (id)
);
comment on table rm.users is 'Public facts of people. Serves: GET /v1/users/{id}; names, joined when read.';
comment on column rm.users.id is 'User id.';
comment on column rm.users.display_name is 'Empty once erased.';
comment on column rm.users.kind is 'registered or guest.';
comment on column rm.users.standing is 'active, suspended, expired or erased.';
comment on column rm.users.credential is 'The lowest credential number that is still good.';
comment on column rm.users.created_at is 'When the person appeared.';
comment on column rm.users.position is 'Sequence of the last change.';

create table rm.lounges (
    id uuid not null,
    name text not null,
    description text,
    owner_id uuid not null,
    active boolean not null,
    created_at timestamptz not null,
    position bigint not null,
    constraint lounges_pkey primary key (id)
);
comment on table rm.lounges is 'Lounges. Serves: GET /v1/lounges/{id}.';
comment on column rm.lounges.id is 'Lounge id.';
comment on column rm.lounges.name is 'Not unique.';
comment on column rm.lounges.description is 'Free text, or absent.';
comment on column rm.lounges.owner_id is 'Who made it.';
comment on column rm.lounges.active is 'False while archived.';
comment on column rm.lounges.created_at is 'When it was made.';
comment on column rm.lounges.position is 'Sequence of the last change.';
-- GET /v1/lounges: active ones (or archived ones) by creation.
create index lounges_active_created on rm.lounges (active, created_at, id);

create table rm.rooms (
    id uuid not null,
    lounge_id uuid not null,
    name text not null,
    topic text,
    language text not null,
    visibility text not null,
    guests boolean not null,
    active boolean not null,
    owners uuid[] not null,
    created_at timestamptz not null,
    position bigint not null,
    constraint rooms_pkey primary key (id)
);
comment on table rm.rooms is 'Rooms and their settings. Serves: GET /v1/rooms/{id}.';
comment on column rm.rooms.id is 'Room id.';
comment on column rm.rooms.lounge_id is 'The lounge that holds it.';
comment on column rm.rooms.name is 'Not unique.';
comment on column rm.rooms.topic is 'Free text, or absent.';
comment on column rm.rooms.language is 'BCP 47.';
comment on column rm.rooms.visibility is 'public or private.';
comment on column rm.rooms.guests is 'Whether guests may join.';
comment on column rm.rooms.active is 'False while archived.';
comment on column rm.rooms.owners is 'Owners, in order of their ids.';
comment on column rm.rooms.created_at is 'When it was made.';
comment on column rm.rooms.position is 'Sequence of the last change.';
-- GET /v1/lounges/{id}/rooms, and a lounge's room_count.
create index rooms_lounge_active_created on rm.rooms (lounge_id, active, created_at, id);

create table rm.room_head (
    room_id uuid not null,
    seq bigint not null,
    position bigint not null,
    constraint room_head_pkey primary key (room_id)
);
comment on table rm.room_head is 'room_seq: how many events each room has had, counted from subjects alone. Serves: the hub''s start, pages, resume.';
comment on column rm.room_head.room_id is 'Room id; also of a room whose creation could not be decoded.';
comment on column rm.room_head.seq is 'The room''s last room_seq.';
comment on column rm.room_head.position is 'Sequence of the room''s last event.';

create table rm.members (
    room_id uuid not null,
    user_id uuid not null,
    role text,
    joined_at timestamptz,
    joined_seq bigint,
    muted boolean not null,
    muted_until timestamptz,
    mute_reason text,
    banned boolean not null,
    banned_until timestamptz,
    ban_reason text,
    position bigint not null,
    constraint members_pkey primary key (room_id, user_id)
);
comment on table rm.members is 'Who is, was or may not be in which room. Serves: rights.';
comment on column rm.members.room_id is 'Room id.';
comment on column rm.members.user_id is 'User id.';
comment on column rm.members.role is 'member, moderator, owner; absent: not in the room.';
comment on column rm.members.joined_at is 'When the person came, the last time.';
comment on column rm.members.joined_seq is 'room_seq of that; unread counts begin there.';
comment on column rm.members.muted is 'Whether a mute was spoken; it holds until muted_until.';
comment on column rm.members.muted_until is 'Absent while muted: for ever.';
comment on column rm.members.mute_reason is 'For moderators and the person.';
comment on column rm.members.banned is 'Whether a ban was spoken; it holds until banned_until.';
comment on column rm.members.banned_until is 'Absent while banned: for ever.';
comment on column rm.members.ban_reason is 'For moderators and the person.';
comment on column rm.members.position is 'Sequence of the last change.';
-- GET /v1/rooms/{id}/members, member_count, the hub's members of a room.
create index members_room_role on rm.members (room_id, role, user_id) where role is not null;
-- GET /v1/users/me/rooms.
create index members_user on rm.members (user_id, room_id) where role is not null;

create table rm.messages (
    id uuid not null,
    room_id uuid not null,
    room_seq bigint not null,
    position bigint not null,
    author_id uuid not null,
    text text not null,
    reply_to uuid,
    mentions uuid[] not null,
    created_at timestamptz not null,
    edited_at timestamptz,
    status text not null,
    constraint messages_pkey primary key (room_id, room_seq)
);
comment on table rm.messages is 'What was said. Serves: pages before=, after= by room_seq.';
comment on column rm.messages.id is 'Message id.';
comment on column rm.messages.room_id is 'The room it was said in.';
comment on column rm.messages.room_seq is 'Its number in the room.';
comment on column rm.messages.position is 'Sequence of its posting.';
comment on column rm.messages.author_id is 'Who said it; never changes.';
comment on column rm.messages.text is 'Exactly as sent; empty once deleted or removed for good.';
comment on column rm.messages.reply_to is 'A message of the same room.';
comment on column rm.messages.mentions is 'Users named, in the order sent.';
comment on column rm.messages.created_at is 'ce-time of the posting.';
comment on column rm.messages.edited_at is 'ce-time of the last edit.';
comment on column rm.messages.status is 'visible, hidden, removed or deleted.';
-- Edit, delete, around=, a repeat of a command; and the first posting of an id wins.
create unique index messages_id on rm.messages (id);
-- at=.
create index messages_room_created on rm.messages (room_id, created_at, room_seq);
-- Moderators' filter by status; unread counts.
create index messages_room_status on rm.messages (room_id, status, room_seq);
-- GET /v1/users/{id}/messages; a person's own last post in a room.
create index messages_author on rm.messages (author_id, position);

create table rm.reactions (
    message_id uuid not null,
    emoji text not null,
    user_id uuid not null,
    room_id uuid not null,
    position bigint not null,
    constraint reactions_pkey primary key (message_id, emoji, user_id)
);
comment on table rm.reactions is 'Who reacted how: a set. Serves: counts beside a message.';
comment on column rm.reactions.message_id is 'Message id.';
comment on column rm.reactions.emoji is 'One emoji.';
comment on column rm.reactions.user_id is 'Who reacted.';
comment on column rm.reactions.room_id is 'The message''s room.';
comment on column rm.reactions.position is 'Sequence of the reaction.';

create table rm.feed (
    room_id uuid not null,
    room_seq bigint not null,
    position bigint not null,
    type text not null,
    at timestamptz not null,
    actor_id uuid,
    message_id uuid,
    user_id uuid,
    detail jsonb,
    constraint feed_pkey primary key (room_id, room_seq)
);
comment on table rm.feed is 'The newest 10,000 entries of each room, without texts: those are joined when read, so that what was removed is gone here too. Serves: resume, GET /v1/rooms/{id}/feed.';
comment on column rm.feed.room_id is 'Room id.';
comment on column rm.feed.room_seq is 'The entry''s number in the room: dense.';
comment on column rm.feed.position is 'Sequence in CHAT.';
comment on column rm.feed.type is 'Event name, or noop for what could not be decoded.';
comment on column rm.feed.at is 'ce-time.';
comment on column rm.feed.actor_id is 'Who did it.';
comment on column rm.feed.message_id is 'The message it is about.';
comment on column rm.feed.user_id is 'The person it is about.';
comment on column rm.feed.detail is 'What else the frame needs and no table holds: a key, an emoji, a role, an end.';
