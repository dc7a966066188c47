-- What is going on, worst first: incidents that are not over. Members of an outage are left out,
-- because the outage stands for them.
create index incidents_worst on incidents (
    (case state when 'recovered' then 1 else 0 end),
    (case severity when 'critical' then 0 when 'high' then 1 when 'medium' then 2
        when 'low' then 3 else 4 end),
    opened_at, id)
    where state <> 'closed' and outage_id is null;
-- How many there are, and how many have a ticket: counted without reading the rows.
create index incidents_standing on incidents (state, rule, ticket_id, outage_id)
    where state <> 'closed' and outage_id is null;
-- What is owed to a target, by operation: counted without reading the rows.
create index deliveries_owed on deliveries (target, operation, state)
    where state in ('waiting', 'sending');
-- Dead letters by the reason why they died.
create index deliveries_dead_by_reason on deliveries
    (target, operation, error_kind, (substr(last_error, 1, 300)), created_at, id)
    where state = 'dead';
-- Review items of an event by its sender's id.
create index review_items_by_event_id on review_items (substr(event_id, 1, 200));
-- The beginning of an id, as people copy it.
create index incidents_by_beginning on incidents (substr(id, 1, 8));
