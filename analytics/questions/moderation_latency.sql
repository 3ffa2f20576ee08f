-- From the first report of a message until a moderator hides or removes it: how many seconds, by week?
with reported as (
    select message_id, min(r.at) as at
      from analyst_moderation r
     where action = 'reported'
     group by 1
),
handled as (
    select r.message_id, r.at, min(m.at - r.at) as waited
      from reported r
      left join analyst_moderation m on m.message_id = r.message_id and m.action in ('hidden', 'removed') and m.at >= r.at
     group by 1, 2
)
select cast(date_trunc('week', h.at) as date) as week, count(*) as reported, count(waited) as handled,
       cast(percentile_cont(0.5) within group (order by cast(extract(epoch from waited) as double precision)) as integer) as median_seconds
  from handled h
 group by 1
 order by 1;
