-- The least rights for each role. A role that does not exist (one login for all) is passed over.
do $$
declare
    right_of record;
begin
    for right_of in
        select * from (values
            ('chatroom_projector', 'usage on schema rm, rm_live'),
            ('chatroom_projector', 'select, insert, update, delete on all tables in schema rm, rm_live'),
            ('chatroom_query', 'usage on schema rm, rm_live'),
            ('chatroom_query', 'select on all tables in schema rm'),
            ('chatroom_query', 'select on rm_live.checkpoint, rm_live.sessions, rm_live.guest_sessions'),
            ('chatroom_query', 'select (user_id, phone_hint, expires_at) on rm_live.accounts'),
            ('chatroom_command', 'usage on schema rm, rm_live'),
            ('chatroom_command', 'select on rm.checkpoint, rm.messages, rm.members, rm.room_head'),
            ('chatroom_command', 'select on rm_live.checkpoint, rm_live.sessions, rm_live.guest_sessions')
        ) as rights (role, what)
    loop
        if exists (select from pg_roles where rolname = right_of.role) then
            execute format('grant %s to %I', right_of.what, right_of.role);
        end if;
    end loop;
end
$$;
