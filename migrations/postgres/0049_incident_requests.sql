-- What a person asks of an incident: to close it, to write a note to its ticket, to open its ticket
-- now, to take it out of its outage. Deciding carries it out, because only deciding writes incidents
-- and the content of deliveries.
create table incident_requests (
    id           bigserial primary key,
    incident_id  text   not null,
    action       text   not null check (action in ('close', 'note', 'open_ticket', 'leave_outage')),
    words        text   not null, -- the reason, or the note
    requested_by text   not null, -- the name of the admin token, or 'local'
    requested_at bigint not null,
    request_id   text   not null unique, -- the client's own: a repetition is not carried out again
    state        text   not null check (state in ('waiting', 'done', 'refused')),
    refusal      text,
    settled_at   bigint
);
create index incident_requests_waiting on incident_requests (id) where state = 'waiting';
create index incident_requests_settled on incident_requests (settled_at) where settled_at is not null;
