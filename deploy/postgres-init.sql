-- Written from servers/src/logins.rs; a test compares them.
\getenv operator_password POSTGRES_OPERATOR_PASSWORD
\getenv command_password POSTGRES_COMMAND_PASSWORD
\getenv projector_password POSTGRES_PROJECTOR_PASSWORD
\getenv query_password POSTGRES_QUERY_PASSWORD
\getenv analyst_password POSTGRES_ANALYST_PASSWORD
create role chatroom_migrate login password :'operator_password';
create role chatroom_command login password :'command_password';
create role chatroom_projector login password :'projector_password';
create role chatroom_query login password :'query_password';
create role chatroom_analyst login password :'analyst_password';
create database chatroom owner chatroom_migrate;
revoke connect, temporary on database chatroom, postgres, template1 from public;
grant connect on database chatroom to chatroom_command, chatroom_projector, chatroom_query, chatroom_analyst;
\connect chatroom
do $$
declare
    writes regprocedure;
begin
    for writes in
        select oid from pg_proc
         where pronamespace = 'pg_catalog'::regnamespace
           and proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message')
    loop
        execute format('revoke execute on function %s from public', writes);
    end loop;
end
$$;
