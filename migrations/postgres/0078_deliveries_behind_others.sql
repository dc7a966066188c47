-- Deliveries that wait for another one, such as an update for the create of its ticket. They are marked,
-- so that looking for the next delivery does not read them.
alter table deliveries add column behind bigint not null default 0;
drop index deliveries_lanes;
create index deliveries_lanes on deliveries (target, lane, next_attempt_at, id)
    where state = 'waiting' and behind = 0;
create index deliveries_behind on deliveries (target) where behind = 1;
