-- The analysts' views of Postgres, made from a replay: `chatroom replay -o parquet --out events`. DuckDB, from the folder that
-- holds `events`. A fold in SQL: of an id the first posting counts, and the last word on it.
create view events as
select *, make_timestamp(epoch_us(time)) as at from read_parquet('events/**/*.parquet', hive_partitioning = true, hive_types_autocast = false);

create view analyst_users as
select user_id as id, arg_min(data->>'$.after.kind', seq) as kind, arg_max(data->>'$.after.standing', seq) as standing,
       arg_max(data->>'$.after.display_name', seq) as display_name, min(at) as created_at
  from events
 where subject like 'chat.v1.user.%'
 group by user_id;

create view analyst_rooms as
select room_id as id, arg_max(data->>'$.after.lounge', seq) as lounge_id, arg_max(data->>'$.after.name', seq) as name,
       arg_max(data->>'$.after.language', seq) as language, arg_max(data->>'$.after.visibility', seq) as visibility,
       min(at) as created_at
  from events
 where subject like '%.meta'
 group by room_id;

create view analyst_members as
select room_id, user_id, arg_max(coalesce(data->>'$.after.role', ''), seq) as role
  from events
 where subject like '%.member.%'
 group by room_id, user_id;

create view analyst_messages as
with posted as (
    select data->>'$.message' as id, room_id, room_seq, seq as position, data->>'$.author' as author_id, data->>'$.text' as text,
           data->>'$.reply_to' as reply_to, at as created_at
      from events
     where type = 'message.posted'
   qualify row_number() over (partition by data->>'$.message' order by seq) = 1
),
edited as (
    select data->>'$.message' as id, max(at) as edited_at, arg_max(data->>'$.text', seq) as text
      from events
     where type = 'message.edited'
     group by 1
),
deleted as (select distinct data->>'$.message' as id from events where type = 'message.deleted'),
judged as (
    select data->>'$.message' as id, max(seq) as seq, arg_max(data->>'$.status', seq) as status
      from events
     where type = 'message.moderated'
     group by 1
),
swept as (
    select room_id, data->>'$.user' as user_id, max(seq) as seq
      from events
     where type = 'messages.removed'
     group by 1, 2
),
said as (
    select p.*, e.edited_at, e.text as newer,
           case when d.id is not null then 'deleted'
                when s.seq > p.position and s.seq > coalesce(j.seq, 0) then 'removed'
                else coalesce(j.status, 'visible') end as status
      from posted p
      left join edited e on e.id = p.id
      left join deleted d on d.id = p.id
      left join judged j on j.id = p.id
      left join swept s on s.room_id = p.room_id and s.user_id = p.author_id
)
select s.id, s.room_id, s.room_seq, s.position, s.author_id,
       case when status = 'visible' then coalesce(newer, text) end as text, reply_to, s.created_at, edited_at, status, r.language
  from said s
  left join analyst_rooms r on r.id = s.room_id;

create view analyst_moderation as
select seq as position, room_id, at, actor_id, data->>'$.message' as message_id,
       case when type = 'message.reported' then 'reported'
            when type = 'message.moderated' and data->>'$.status' = 'visible' then 'restored'
            else data->>'$.status' end as action
  from events
 where type in ('message.reported', 'message.moderated');
