-- Which events are known already, without an index over random digests: in a B-tree of
-- millions of them every new one dirties a page of its own, and an event would cost the more,
-- the more there are. Here the digests of a commit are one appended row; they are gathered
-- into sorted runs of 64 Ki and later 512 Ki, each found through a filter held in memory.
create table key_log (
    id       integer primary key autoincrement,
    digests  blob not null -- 16 bytes each
);

create table key_runs (
    run      integer primary key autoincrement,
    -- a run that is gone stays until its blocks are deleted
    state    text    not null check (state in ('building', 'ready', 'gone')),
    -- the journal's end when the run was made: once all events up to it are forgotten, so is
    -- the run
    last_seq bigint  not null,
    digests  bigint  not null, -- how many
    fences   blob    not null, -- the first 8 bytes of each block's first digest
    filter   blob    not null
);

-- Sorted digests, 256 to a block. Blocks of a run that is gone are deleted in small steps.
create table key_blocks (
    run     bigint not null,
    block   bigint not null,
    digests blob   not null,
    primary key (run, block)
) without rowid;

insert into key_log (digests) select digest from event_keys;
drop table event_keys;
