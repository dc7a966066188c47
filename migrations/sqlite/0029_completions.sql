-- Whether an update sets fields that the CRM refused at the create. There is one for each incomplete
-- ticket; between its tries it rests as 'discarded'.
alter table deliveries add column completes bigint not null default 0;
-- The fields that a create was last sent without, as JSON.
alter table deliveries add column omitted text;
create index deliveries_completions on deliveries (target, next_attempt_at)
    where completes = 1 and state = 'discarded';
insert into deliveries (incident_id, target, operation, state, payload, event_id, received_at,
        next_attempt_at, created_at, settled_at, lane, completes)
    select i.id, i.target, 'update', 'discarded', '{"completes":' || i.ticket_incomplete || '}',
        d.event_id, d.received_at, 0, d.created_at, d.settled_at, d.lane, 1
    from incidents i join deliveries d on d.incident_id = i.id
    where i.ticket_incomplete is not null and i.state <> 'closed'
        and d.operation = 'create' and d.state = 'done';
