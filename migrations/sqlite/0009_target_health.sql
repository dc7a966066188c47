-- What is known of targets that cannot be reached, for whoever decides where tickets are
-- opened. One row per target; who keeps it says so, and `version` grows with every change.
create table target_health (
    target  text   not null primary key,
    state   text   not null check (state in ('up', 'held', 'circuit_open')),
    since   bigint not null, -- of being up or away
    reason  text   not null,
    replica text   not null,
    version bigint not null
);

-- The targets that a ticket may be opened in, in order of preference, as a JSON list; null
-- where there is only the one in `target`. And the first of them, once it was left.
alter table incidents add column candidates       text;
alter table incidents add column failed_over_from text;
