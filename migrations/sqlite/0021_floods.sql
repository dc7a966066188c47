-- How fast each source begins incidents, as the limit on them counts: tickets owed since `began_at`,
-- and incidents without a ticket as counted at `counted_at`, with what came and went since.
create table source_rates (
    source     text   not null primary key,
    began_at   bigint not null,
    opened     bigint not null,
    pending    bigint not null,
    counted_at bigint not null
);

-- The source whose flood holds the incident's ticket back; and what a person has decided about
-- that and who: 'release by NAME' or 'discard by NAME'. Deciding carries it out. On the incident of a
-- flood: its ticket was closed by a person, and what it held is to be discarded.
alter table incidents add column flood_source  text;
alter table incidents add column flood_verdict text;
-- A replica of an older version leaves both columns as they are when it opens or closes one.
create index incidents_held_by_flood on incidents (flood_source)
    where flood_source is not null and state = 'pending';
create index incidents_pending on incidents (source) where state = 'pending';
create index incidents_floods_to_end on incidents (key)
    where flood_verdict is not null and state = 'closed';
