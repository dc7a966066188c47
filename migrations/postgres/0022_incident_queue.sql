-- The queue of the latest breach, as `queue_id` of the context says; '' where it says none. A
-- replica of an older version leaves it null, and then the context is read.
alter table incidents add column queue_id text;
-- Row by row, because one context that is no JSON would end a single update.
do $$
declare
    incident record;
begin
    for incident in select id, context from incidents where state <> 'closed' loop
        begin
            update incidents set queue_id = coalesce(
                case when json_typeof(incident.context::json -> 'queue_id') = 'string'
                    then incident.context::json ->> 'queue_id' end, '')
            where id = incident.id;
        exception when data_exception then
            update incidents set queue_id = '' where id = incident.id;
        end;
    end loop;
end
$$;
-- Only incidents that are not closed are looked for by their queue. An index holds no longer text.
create index incidents_by_queue on incidents (substr(queue_id, 1, 200)) where state <> 'closed';
