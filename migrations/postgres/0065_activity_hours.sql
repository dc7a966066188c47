-- What happened in each hour, counted where it is stored: events, breaches, breaches that wrote
-- nothing by their reason, tickets, failed attempts. The page of the last day reads no other rows.
create table activity_hours (
    hour  bigint not null,
    kind  text   not null,
    count bigint not null,
    primary key (hour, kind)
);
-- Outages, the newest first.
create index incidents_outages on incidents (opened_at desc) where substr(rule, 1, 7) = 'outage:';
