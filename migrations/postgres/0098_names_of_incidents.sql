-- The name by which people know what an incident is about, in small letters, for the search. It is
-- compared byte by byte, so that all names with one beginning stand together.
alter table incidents add column found_name text collate "C";
-- Row by row, because one context that is no JSON would end a single update.
do $$
declare
    incident record;
begin
    for incident in select id, rule, key, context from incidents loop
        begin
            update incidents set found_name = lower(trim(substr(coalesce(
                case when incident.rule like 'outage:%' then substr(incident.rule, 8) || ' ' || incident.key end,
                nullif(trim(incident.context::json ->> 'queue_name'), ''),
                nullif(trim(incident.context::json ->> 'trunk_name'), ''),
                nullif(trim(incident.context::json ->> 'edge_name'), ''),
                nullif(trim(incident.context::json ->> 'entity_name'), ''),
                nullif(trim(incident.context::json ->> 'alert_rule_name'), ''),
                incident.key), 1, 200)))
            where id = incident.id;
        exception when data_exception then
            update incidents set found_name = lower(trim(substr(incident.key, 1, 200)))
            where id = incident.id;
        end;
    end loop;
end
$$;
-- Names are looked for by their beginning, among what goes on before what is over: newest first among
-- equal ones.
create index incidents_by_name on incidents (
    (case state when 'closed' then 1 else 0 end), found_name, opened_at desc, id desc);
