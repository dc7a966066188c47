-- A person can put an incident into an outage too: one more action, and the outage that is meant.
-- SQLite cannot change a check, so the table is built anew with its rows and indexes.
create table requests_with_outage (
    id           integer primary key autoincrement,
    incident_id  text   not null,
    action       text   not null check (action in
        ('close', 'note', 'open_ticket', 'leave_outage', 'join_outage')),
    words        text   not null, -- the reason, or the note
    requested_by text   not null, -- the name of the admin token, or 'local'
    requested_at bigint not null,
    request_id   text   not null unique, -- the client's own: a repetition is not carried out again
    state        text   not null check (state in ('waiting', 'done', 'refused')),
    refusal      text,
    settled_at   bigint,
    outage_id    text -- the outage that it joins
);
insert into requests_with_outage
    (id, incident_id, action, words, requested_by, requested_at, request_id, state, refusal, settled_at)
    select id, incident_id, action, words, requested_by, requested_at, request_id, state, refusal, settled_at
    from incident_requests;
drop table incident_requests;
alter table requests_with_outage rename to incident_requests;
create index incident_requests_waiting on incident_requests (id) where state = 'waiting';
create index incident_requests_settled on incident_requests (settled_at) where settled_at is not null;
