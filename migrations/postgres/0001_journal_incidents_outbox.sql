-- The journal: every event as it came, in the order in which it became durable. Append-only:
-- deciding on an event never rewrites its row (a row of 1 KB would be written twice).
create table events (
    seq          bigserial primary key,
    source       text   not null,
    event_id     text   not null,
    received_at  bigint not null, -- epoch ms, as all times here
    -- why it went to review instead of to the rules; null when it was understood
    review       text,
    body         text   not null
);

-- Which events are known already. The key is a 16-byte digest of source and event id: half
-- the size of the texts, and no second copy of what a sender chose to call an id.
create table event_keys (
    digest bytea not null primary key
);

-- How far deciding has come in the journal.
create table cursors (
    name     text   not null primary key,
    position bigint not null
);
insert into cursors (name, position) values ('decide', 0), ('ready', 0);

-- What each rule made of an event: the audit trail from event to incident and back. Events
-- that say nothing to any rule have no row.
create table decisions (
    event_seq   bigint not null,
    rule        text   not null,
    outcome     text   not null,
    incident_id text,
    detail      text,
    decided_at  bigint not null,
    primary key (event_seq, rule)
);
create index decisions_by_incident on decisions (incident_id, event_seq) where incident_id is not null;

create table incidents (
    id          text   not null primary key,
    rule        text   not null,
    key         text   not null,
    source      text   not null,
    state       text   not null check (state in ('pending', 'open', 'recovered', 'closed')),
    severity    text   not null,
    target      text   not null,
    -- rule and key while the incident is not closed, null afterwards: the constraint, not
    -- hope, keeps one open incident per key
    active_key  text   unique,
    opened_at   bigint not null,
    closed_at   bigint,
    occurrences bigint not null,
    suppressed  bigint not null,
    -- when time alone changes it next
    due_at      bigint,
    -- the whole life as JSON; the columns above repeat what is searched for
    life        text   not null,
    -- the values templates see, as of the latest breach, as JSON
    context     text   not null,
    -- the ticket, written by the delivery workers only
    ticket_id     text,
    ticket_number text,
    ticket_url    text,
    ticket_state  text,
    ticket_closed bigint not null default 0
);
create index incidents_due on incidents (due_at) where due_at is not null;
create index incidents_newest on incidents (opened_at desc, id desc);
create index incidents_by_state on incidents (state, opened_at desc, id desc);
-- What a person has in hand: a queue, or a ticket.
create index incidents_by_key on incidents (key, opened_at desc, id desc);
create index incidents_by_ticket_id on incidents (ticket_id) where ticket_id is not null;
create index incidents_by_ticket_number on incidents (ticket_number) where ticket_number is not null;

-- Every transition of an incident, with its cause.
create table incident_history (
    id          bigserial primary key,
    incident_id text   not null,
    at          bigint not null,
    what        text   not null,
    cause       text   not null
);
create index incident_history_by_incident on incident_history (incident_id, id);

-- No new ticket for a key until a time. Kept apart from the incident, which it outlives.
create table burst_locks (
    lock_key     text   not null primary key,
    rule         text   not null,
    key          text   not null,
    incident_id  text   not null,
    taken_at     bigint not null,
    locked_until bigint not null
);
create index burst_locks_until on burst_locks (locked_until);

-- The outbox. A dead letter is a delivery in state 'dead', not a row somewhere else.
create table deliveries (
    id              bigserial primary key,
    incident_id     text   not null,
    target          text   not null,
    operation       text   not null check (operation in ('create', 'update', 'resolve', 'link')),
    state           text   not null check (state in ('waiting', 'sending', 'done', 'dead', 'discarded')),
    payload         text   not null,
    event_id        text   not null,
    received_at     bigint not null, -- of that event
    attempts        bigint not null default 0,
    -- whether an earlier attempt may have taken effect: then look up before sending
    in_doubt        bigint not null default 0,
    next_attempt_at bigint not null,
    -- how often it was taken up again by itself after having been given up
    resumptions     bigint not null default 0,
    lease_owner     text,
    lease_until     bigint,
    last_error      text, -- a Failure as JSON
    error_kind      text,
    created_at      bigint not null,
    settled_at      bigint
);
-- The claim: what is due for a target.
create index deliveries_due on deliveries (target, state, next_attempt_at);
-- Order within a ticket: is anything older still unsettled?
create index deliveries_by_incident on deliveries (incident_id, id);
create index deliveries_newest on deliveries (created_at desc, id desc);
create index deliveries_dead on deliveries (created_at desc, id desc) where state = 'dead';

-- Events that wait for a person. The body is the event's.
create table review_items (
    id          bigserial primary key,
    event_seq   bigint not null unique,
    source      text   not null,
    event_id    text   not null,
    reason      text   not null,
    received_at bigint not null,
    state       text   not null check (state in ('open', 'reprocessed', 'discarded')),
    settled_at  bigint
);
create index review_items_by_state on review_items (state, received_at desc, id desc);

-- Rotated refresh tokens, sealed by the client that owns them: never a secret in clear.
create table sealed_tokens (
    target  text   not null primary key,
    sealed  bytea   not null,
    kept_at bigint not null
);

-- Who may do what only one process may do at a time.
create table leases (
    name  text   not null primary key,
    owner text   not null,
    until bigint not null,
    fence bigint not null
);

create table audit (
    id      bigserial primary key,
    at      bigint not null,
    actor   text   not null,
    action  text   not null,
    subject text   not null,
    detail  text   not null
);
create index audit_newest on audit (at desc, id desc);
