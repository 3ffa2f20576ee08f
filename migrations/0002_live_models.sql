-- Read models of the streams that forget: never swapped by a rebuild, never shown to analysts.
create schema rm_live;
comment on schema rm_live is 'Read models of IDENTITY (later PRESENCE, MARKERS): a row is the state of its subject''s last message.';

create table rm_live.checkpoint (
    projection text not null,
    epoch bigint not null,
    seq bigint not null,
    event_time timestamptz not null,
    constraint checkpoint_pkey primary key (projection)
);
comment on table rm_live.checkpoint is 'How far each projection has come: written in the transaction of the rows it speaks of.';
comment on column rm_live.checkpoint.projection is 'Which projection: identity.';
comment on column rm_live.checkpoint.epoch is 'The history that seq belongs to.';
comment on column rm_live.checkpoint.seq is 'The last sequence applied.';
comment on column rm_live.checkpoint.event_time is 'ce-time of the event at seq.';

create table rm_live.accounts (
    user_id uuid not null,
    kind text not null,
    phone_tag text,
    phone_hint text,
    standing text not null,
    expires_at timestamptz,
    created_at timestamptz not null,
    position bigint not null,
    constraint accounts_pkey primary key (user_id)
);
comment on table rm_live.accounts is 'Accounts with their phone tags; never credentials. Serves: own phone_hint and expires_at.';
comment on column rm_live.accounts.user_id is 'User id.';
comment on column rm_live.accounts.kind is 'registered or guest.';
comment on column rm_live.accounts.phone_tag is 'HMAC of the number; absent for guests and the erased.';
comment on column rm_live.accounts.phone_hint is 'Its last two digits.';
comment on column rm_live.accounts.standing is 'active, suspended, expired or erased.';
comment on column rm_live.accounts.expires_at is 'A guest''s latest end.';
comment on column rm_live.accounts.created_at is 'When it was opened.';
comment on column rm_live.accounts.position is 'Sequence in IDENTITY.';
-- Support: who has this number.
create index accounts_phone_tag on rm_live.accounts (phone_tag) where phone_tag is not null;

create table rm_live.sessions (
    id uuid not null,
    user_id uuid not null,
    credential integer not null,
    device text,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    ends_at timestamptz not null,
    expires_at timestamptz not null,
    position bigint not null,
    constraint sessions_pkey primary key (id)
);
comment on table rm_live.sessions is 'Sessions of registered users that were not revoked: a revoked one has no row. Serves: revocation check after a restart.';
comment on column rm_live.sessions.id is 'Session id.';
comment on column rm_live.sessions.user_id is 'Whose.';
comment on column rm_live.sessions.credential is 'The credential number that it carries.';
comment on column rm_live.sessions.device is 'As the client named it.';
comment on column rm_live.sessions.created_at is 'Sign-in.';
comment on column rm_live.sessions.last_used_at is 'Sign-in or last refresh.';
comment on column rm_live.sessions.ends_at is 'When it ends unless refreshed.';
comment on column rm_live.sessions.expires_at is 'When it ends in any case.';
comment on column rm_live.sessions.position is 'Sequence in IDENTITY.';
-- GET /v1/sessions.
create index sessions_user on rm_live.sessions (user_id, created_at, id);
-- The sweep of ended sessions.
create index sessions_ends_at on rm_live.sessions (ends_at);

create table rm_live.guest_sessions (
    id uuid not null,
    user_id uuid not null,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    ends_at timestamptz not null,
    expires_at timestamptz not null,
    position bigint not null,
    constraint guest_sessions_pkey primary key (id)
);
comment on table rm_live.guest_sessions is 'Sessions of guests that were not revoked. Serves: revocation check after a restart.';
comment on column rm_live.guest_sessions.id is 'Session id.';
comment on column rm_live.guest_sessions.user_id is 'Whose: a guest has one.';
comment on column rm_live.guest_sessions.created_at is 'Arrival.';
comment on column rm_live.guest_sessions.last_used_at is 'Arrival or last refresh.';
comment on column rm_live.guest_sessions.ends_at is 'When it ends unless refreshed.';
comment on column rm_live.guest_sessions.expires_at is 'When it ends in any case.';
comment on column rm_live.guest_sessions.position is 'Sequence in IDENTITY.';
-- GET /v1/sessions.
create index guest_sessions_user on rm_live.guest_sessions (user_id);
-- The sweep of expired guests.
create index guest_sessions_ends_at on rm_live.guest_sessions (ends_at);
