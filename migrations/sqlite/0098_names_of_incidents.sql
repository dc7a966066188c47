-- The name by which people know what an incident is about, in small letters, for the search.
alter table incidents add column found_name text;
update incidents set found_name = lower(trim(substr(coalesce(
    case when rule like 'outage:%' then substr(rule, 8) || ' ' || key end,
    case when json_valid(context) then coalesce(
        nullif(trim(json_extract(context, '$.queue_name')), ''),
        nullif(trim(json_extract(context, '$.trunk_name')), ''),
        nullif(trim(json_extract(context, '$.edge_name')), ''),
        nullif(trim(json_extract(context, '$.entity_name')), ''),
        nullif(trim(json_extract(context, '$.alert_rule_name')), '')) end,
    key), 1, 200)));
-- Names are looked for by their beginning, among what goes on before what is over: newest first among
-- equal ones.
create index incidents_by_name on incidents (
    (case state when 'closed' then 1 else 0 end), found_name, opened_at desc, id desc);
