-- Which read models of CHAT there are, and what waits because it cannot be applied.
create table rm.parked (
    seq bigint not null,
    key text not null,
    room_id uuid,
    room_seq bigint,
    subject text not null,
    event_type text not null,
    headers json not null,
    body bytea not null,
    at timestamptz not null,
    why text,
    constraint parked_pkey primary key (seq)
);
comment on table rm.parked is 'Events that cannot be applied, and the later ones of their keys: nothing of a key is applied out of order. Outside the digests. Serves: chatroom parked list; the projector, before each batch.';
comment on column rm.parked.seq is 'Sequence in CHAT.';
comment on column rm.parked.key is 'What waits: "room <id>", "user <id>" or "lounge <id>".';
comment on column rm.parked.room_id is 'The room, where the key is one: its reads are refused.';
comment on column rm.parked.room_seq is 'The number that it was counted with.';
comment on column rm.parked.subject is 'As published.';
comment on column rm.parked.event_type is 'As published; "without a type" where there is none.';
comment on column rm.parked.headers is 'As published: name to values.';
comment on column rm.parked.body is 'As published.';
comment on column rm.parked.at is 'ce-time; of what has none that can be read, that of the event before it in the log.';
comment on column rm.parked.why is 'Why it cannot be applied; absent: it waits for one before it.';
-- What waits behind an event: chatroom parked retry, drop.
create index parked_key on rm.parked (key, seq);
-- What is not read or written for now, however much waits behind: the look at a checkpoint; the projector, before each batch.
create index parked_cause on rm.parked (room_id) where why is not null;

create table rm_live.generations (
    number integer not null,
    schema_name text not null,
    state text not null,
    code text not null,
    target bigint not null,
    keep_until timestamptz,
    constraint generations_pkey primary key (number),
    constraint generations_schema_name_key unique (schema_name),
    constraint generations_state_check check (state in ('building', 'live', 'kept', 'still'))
);
comment on table rm_live.generations is 'The read models of CHAT, each a schema: a rebuild makes one beside the live one and changes places with it.';
comment on column rm_live.generations.number is 'The fence in its checkpoint: a projector writes to its own generation only.';
comment on column rm_live.generations.schema_name is 'rm is the live one.';
comment on column rm_live.generations.state is 'building; live; kept: follows the log until keep_until, to change places again; still: a past that nothing follows.';
comment on column rm_live.generations.code is 'Hash of the code whose fold it holds; empty: from before this was written down.';
comment on column rm_live.generations.target is 'The sequence up to which it was filled before its indexes were made.';
comment on column rm_live.generations.keep_until is 'When a kept one is dropped.';
-- There is one live one.
create unique index generations_live on rm_live.generations (state) where state = 'live';
insert into rm_live.generations (number, schema_name, state, code, target) values (1, 'rm', 'live', '', 0);

-- The projector owns no schema, and still has to let go of one that is kept no longer.
create function rm_live.drop_expired() returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    expired record;
    dropped integer := 0;
begin
    for expired in
        select number, schema_name
        from rm_live.generations
        where state = 'kept'
          and keep_until < now()
        for update skip locked
    loop
        execute format('drop schema if exists %I cascade', expired.schema_name);
        delete from rm_live.generations where number = expired.number;
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$$;
comment on function rm_live.drop_expired is 'Drops the read models that are kept no longer; says how many.';
revoke all on function rm_live.drop_expired from public;

do $$
declare
    right_of record;
begin
    for right_of in
        select * from (values
            ('chatroom_projector', 'select, insert, update, delete on rm.parked'),
            ('chatroom_projector', 'select, update on rm_live.generations'),
            ('chatroom_projector', 'execute on function rm_live.drop_expired'),
            ('chatroom_query', 'select on rm.parked'),
            ('chatroom_query', 'select on rm_live.generations')
        ) as rights (role, what)
    loop
        if exists (select from pg_roles where rolname = right_of.role) then
            execute format('grant %s to %I', right_of.what, right_of.role);
        end if;
    end loop;
end
$$;
