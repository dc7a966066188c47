-- Open review items of a source by their reason: what the limit on them counts and drops. The name
-- begins with that of the older index, which is asked for the same things.
create index review_items_by_state_and_reason on review_items (source, (substr(reason, 1, 200)), id)
    where state = 'open';

-- How many open review items of each source the limit has dropped.
create table dropped_reviews (
    source     text   not null primary key,
    dropped    bigint not null,
    dropped_at bigint not null -- the last time
);
