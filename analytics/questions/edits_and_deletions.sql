-- How much of what is said is edited, deleted, or taken away by moderators, by week?
select cast(date_trunc('week', created_at) as date) as week, count(*) as messages, count(edited_at) as edited,
       count(case when status = 'deleted' then 1 end) as deleted,
       count(case when status in ('hidden', 'removed') then 1 end) as moderated
  from analyst_messages
 group by 1
 order by 1;
