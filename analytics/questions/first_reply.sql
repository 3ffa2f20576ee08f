-- Whoever breaks a silence (of an hour, or from the beginning): after how many seconds does somebody else answer?
with spoken as (
    select room_id, room_seq, author_id, language, created_at,
           lag(created_at) over room as before
      from analyst_messages
    window room as (partition by room_id order by room_seq)
),
openings as (
    select *
      from spoken
     where before is null or created_at - before > interval '1 hour'
),
answers as (
    select o.language, o.room_id, o.room_seq, min(m.created_at - o.created_at) as waited
      from openings o
      left join analyst_messages m
        on m.room_id = o.room_id and m.room_seq > o.room_seq and m.author_id <> o.author_id
           and m.created_at - o.created_at <= interval '1 day'
     group by 1, 2, 3
)
select language, count(*) as openings, count(waited) as answered,
       cast(percentile_cont(0.5) within group (order by cast(extract(epoch from waited) as double precision)) as integer) as median_seconds,
       cast(percentile_cont(0.9) within group (order by cast(extract(epoch from waited) as double precision)) as integer) as p90_seconds
  from answers
 group by 1
 order by 2 desc, 1;
