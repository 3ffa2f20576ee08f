-- At which hours of the day (UTC) are the ten busiest rooms busy?
with busy as (
    select room_id, count(*) as messages
      from analyst_messages
     group by 1
     order by 2 desc, 1
     limit 10
)
select cast(m.room_id as varchar) as room, cast(extract(hour from m.created_at) as integer) as hour, count(*) as messages
  from analyst_messages m
  join busy b on b.room_id = m.room_id
 group by 1, 2
 order by 1, 2;
