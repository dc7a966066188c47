-- Creates whose answer was lost: while one may still run, a ticket may appear that nobody waits for.
create index deliveries_unknown on deliveries (target, unknown_at) where unknown_at is not null;
