-- The lane of a delivery: the source and the rule of its incident. Claims serve a target's lanes
-- in turn, so that what one source owes keeps no other source's ticket waiting.
alter table deliveries add column lane text not null default '';
update deliveries set lane = coalesce(
    (select i.source || '/' || i.rule from incidents i where i.id = deliveries.incident_id), '')
where state in ('waiting', 'sending', 'dead');
-- The claim: the lanes of a target, and in each what is due, oldest first. Only what waits is in
-- it: deliveries that are done are kept for weeks.
create index deliveries_lanes on deliveries (target, lane, next_attempt_at, id) where state = 'waiting';
