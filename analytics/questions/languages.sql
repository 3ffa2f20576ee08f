-- Which languages are spoken, by how many, in how many rooms?
select language, count(*) as messages, count(distinct author_id) as people, count(distinct room_id) as rooms
  from analyst_messages
 group by 1
 order by 2 desc, 1;
