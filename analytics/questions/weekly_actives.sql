-- How many people write in each week (from Monday), and on how many of its days does one of them?
with days as (
    select cast(date_trunc('week', created_at) as date) as week, author_id, count(distinct cast(created_at as date)) as days
      from analyst_messages
     group by 1, 2
)
select week, count(*) as people, round(cast(avg(days) as numeric), 2) as days_each
  from days
 group by 1
 order by 1;
