-- The analysts' views of Postgres, made from a replay: `chatroom replay -o parquet --out events`. DuckDB, from the folder that
-- holds `events`. A fold in SQL: of an id the first posting counts, then the last word on it, until it is gone for good.
create view events as
select *, make_timestamp(epoch_us(time)) as happened from read_parquet('events/**/*.parquet', hive_partitioning = true, hive_types_autocast = false);

create view analyst_users as
select user_id as id, arg_max(data->>'$.after.display_name', seq) as display_name, arg_max(data->>'$.after.kind', seq) as kind,
       arg_max(data->>'$.after.standing', seq) as standing, min(happened) as created_at
  from events
 where subject like 'chat.v1.user.%'
 group by user_id;

create view analyst_lounges as
select lounge_id as id, arg_max(data->>'$.after.name', seq) as name, arg_max(data->>'$.after.owner', seq) as owner_id,
       cast(arg_max(data->>'$.after.active', seq) as boolean) as active, min(happened) as created_at
  from events
 where subject like 'chat.v1.lounge.%'
 group by lounge_id;

create view analyst_rooms as
select room_id as id, arg_max(data->>'$.after.lounge', seq) as lounge_id, arg_max(data->>'$.after.name', seq) as name,
       arg_max(data->>'$.after.language', seq) as language, arg_max(data->>'$.after.visibility', seq) as visibility,
       cast(arg_max(data->>'$.after.active', seq) as boolean) as active, min(happened) as created_at
  from events
 where subject like '%.meta'
 group by room_id;

create view analyst_members as
select room_id, user_id, nullif(arg_max(coalesce(data->>'$.after.role', ''), seq), '') as role
  from events
 where subject like '%.member.%'
 group by room_id, user_id;

create view analyst_messages as
with posted as (
    select data->>'$.message' as id, room_id, room_seq, seq, data->>'$.author' as author_id, data->>'$.text' as text,
           data->>'$.reply_to' as reply_to, happened as created_at
      from events
     where type = 'message.posted'
   qualify row_number() over (partition by data->>'$.message' order by seq) = 1
),
-- What was said about a message, and about all of somebody's in a room.
told as (
    select p.id, e.seq, e.happened, e.type, e.data
      from posted p
      join events e on e.data->>'$.message' = p.id and e.room_id = p.room_id and e.seq > p.seq
     where e.type in ('message.edited', 'message.deleted', 'message.moderated')
     union all
    select p.id, e.seq, e.happened, e.type, e.data
      from posted p
      join events e on e.room_id = p.room_id and e.data->>'$.user' = p.author_id and e.seq > p.seq
     where e.type = 'messages.removed'
),
-- Nothing that comes after its deletion or its author's erasure changes anything.
ended as (
    select id, min(seq) as seq
      from told
     where type = 'message.deleted' or type = 'messages.removed' and data->>'$.why' = 'erasure'
     group by id
),
became as (
    select t.id,
           arg_max(t.happened, t.seq) filter (where t.type = 'message.edited') as edited_at,
           arg_max(t.data->>'$.text', t.seq) filter (where t.type = 'message.edited') as text,
           arg_max(coalesce(t.data->>'$.status', 'removed'), t.seq) filter (where t.type <> 'message.edited') as status
      from told t
      left join ended e on e.id = t.id
     where e.seq is null or t.seq < e.seq
     group by t.id
),
-- The room's language when it was said.
spoken as (
    select p.*, r.data->>'$.after.language' as language
      from posted p
      asof left join (select * from events where subject like '%.meta') r on r.room_id = p.room_id and p.seq >= r.seq
)
select s.id, s.room_id, s.room_seq, s.seq as position, s.author_id,
       case when e.id is null and coalesce(b.status, 'visible') = 'visible' then coalesce(b.text, s.text) end as text,
       s.reply_to, s.created_at, b.edited_at,
       case when e.id is not null then 'deleted' else coalesce(b.status, 'visible') end as status, s.language
  from spoken s
  left join became b on b.id = s.id
  left join ended e on e.id = s.id;

create view analyst_reactions as
select data->>'$.message' as message_id, any_value(room_id) as room_id, data->>'$.user' as user_id, data->>'$.emoji' as emoji
  from events
 where type in ('reaction.added', 'reaction.removed')
 group by 1, 3, 4
having arg_max(type, seq) = 'reaction.added';

create view analyst_moderation as
select seq as position, room_id, happened as "at", actor_id,
       case when type = 'message.reported' then 'reported'
            when type = 'messages.removed' then 'removed_all'
            when type = 'message.moderated' and data->>'$.status' = 'visible' then 'restored'
            when type = 'message.moderated' then data->>'$.status'
            else replace(type, 'member.', '') end as action,
       data->>'$.message' as message_id, coalesce(user_id, data->>'$.user') as user_id,
       case when type = 'member.role' then data->>'$.role' end as role, data->>'$.reason' as reason
  from events
 where type in ('message.reported', 'message.moderated', 'member.kicked', 'member.banned', 'member.unbanned', 'member.muted',
                'member.unmuted', 'member.role')
    or type = 'messages.removed' and data->>'$.why' = 'moderation';
