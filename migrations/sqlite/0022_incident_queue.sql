-- The queue of the latest breach, as `queue_id` of the context says; '' where it says none.
alter table incidents add column queue_id text;
update incidents set queue_id = case when json_valid(context)
    then coalesce(case json_type(context, '$.queue_id') when 'text' then json_extract(context, '$.queue_id') end, '')
    else '' end
where state <> 'closed';
-- Only incidents that are not closed are looked for by their queue. An index holds no longer text.
create index incidents_by_queue on incidents (substr(queue_id, 1, 200)) where state <> 'closed';
