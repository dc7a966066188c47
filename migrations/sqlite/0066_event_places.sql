-- Where events are, by the ids that their senders gave them: written some time after the events,
-- run by run, so that no webhook pays for it.
create table event_places (
    run  bigint not null, -- the event's place / 16384
    hash bigint not null, -- the first 8 bytes of SHA-256 over the event's id
    seq  bigint not null,
    primary key (run, hash, seq)
) without rowid;
-- Up to where they are written.
insert into cursors (name, position) values ('event_places', 0);
