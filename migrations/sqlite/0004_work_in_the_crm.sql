-- What people do with a ticket in the CRM, as last seen there.
alter table incidents add column ticket_priority   text;
alter table incidents add column ticket_assignee   text;
-- the version last seen: the CRM's own stamp in epoch ms, and its count of changes
alter table incidents add column ticket_changed_at bigint;
alter table incidents add column ticket_changes    bigint;
-- 'deleted' or 'merged into …', once the ticket is gone
alter table incidents add column ticket_fate       text;
create index incidents_with_ticket on incidents (target, ticket_id) where state <> 'closed' and ticket_id is not null;

-- Up to where each target's changes have been read, by the CRM's own clock, and when it was
-- last asked, by ours.
create table sync_progress (
    target     text   not null primary key,
    changed_at bigint,
    polled_at  bigint not null
);

-- Tickets that a callback said had changed, until they have been read. `told` grows with every
-- callback, so that one that comes during the reading is not forgotten.
create table ticket_hints (
    target    text   not null,
    ticket_id text   not null,
    told      bigint not null,
    told_at   bigint not null,
    primary key (target, ticket_id)
);
