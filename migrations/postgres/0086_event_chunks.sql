-- In which chunks of the journal a source, or a target by its incidents, has events: a list that is
-- filtered by it reads only those. Written some time after the events, as their places are.
create table event_chunks (
    kind  text   not null check (kind in ('source', 'target')),
    name  text   not null,
    chunk bigint not null, -- the event's place / 256
    primary key (kind, name, chunk)
);
-- Chunks of events that are gone are deleted in the order of the journal.
create index event_chunks_in_order on event_chunks (chunk);
-- Up to where they are written.
insert into cursors (name, position) values ('event_chunks', 0);
