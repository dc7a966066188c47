-- Links that wait for an outage's ticket, to discard them when it will never exist.
create index deliveries_by_parent on deliveries (parent_id) where parent_id is not null;
