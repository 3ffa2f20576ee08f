-- How many people write on each day, and how much?
select cast(created_at as date) as day, count(distinct author_id) as people, count(*) as messages
  from analyst_messages
 group by 1
 order by 1;
