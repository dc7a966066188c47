-- A repetition is recognised for 72 hours, and runs are deleted by their age: no longer with the
-- events of which they are, and never merged. So a run needs the time at which it was written. For
-- one of an older version that is the time of its last event, or of the last one before it that
-- retention has kept.
delete from key_blocks where run in (select run from key_runs where state <> 'ready');
create table runs_by_age (
    run        integer primary key,
    digests    bigint not null, -- how many
    written_at bigint not null, -- when its newest event was received
    fences     blob   not null, -- the first 8 bytes of each block's first digest
    filter     blob   not null
);
insert into runs_by_age (run, digests, written_at, fences, filter)
    select run, digests,
           coalesce((select received_at from events where seq <= last_seq order by seq desc limit 1), 0),
           fences, filter
    from key_runs where state = 'ready';
drop table key_runs;
alter table runs_by_age rename to key_runs;

-- Without `autoincrement`, which changed a page of `sqlite_sequence` in each commit.
create table log_by_rowid (
    id      integer primary key,
    digests blob not null -- 16 bytes each
);
insert into log_by_rowid (digests) select digests from key_log order by id;
drop table key_log;
alter table log_by_rowid rename to key_log;
