-- A repetition is recognised for 72 hours: so the unique index does not grow with the events that
-- are kept. Time is that of the server, on which all replicas agree. Keys of an older version
-- count from now on; no row is written for that.
alter table event_keys add column added_at timestamptz not null default now();
-- Rows lie in the order in which they were added, so that a few bytes for a thousand rows find
-- the old ones.
create index event_keys_by_age on event_keys using brin (added_at)
    with (pages_per_range = 32, autosummarize = on);
