-- Of those who wrote for the first time in a week: how many write again in the weeks after it?
with first as (
    select author_id, cast(date_trunc('week', min(created_at)) as date) as cohort
      from analyst_messages
     group by 1
),
weeks as (
    select distinct author_id, cast(date_trunc('week', created_at) as date) as week
      from analyst_messages
)
select f.cohort, count(distinct f.author_id) as newcomers,
       count(distinct case when w.week = f.cohort + 7 then f.author_id end) as after_1_week,
       count(distinct case when w.week = f.cohort + 14 then f.author_id end) as after_2_weeks,
       count(distinct case when w.week = f.cohort + 21 then f.author_id end) as after_3_weeks,
       count(distinct case when w.week > f.cohort then f.author_id end) as ever_again
  from first f
  join weeks w on w.author_id = f.author_id
 group by 1
 order by 1;
