-- The list of deliveries is filtered by source and rule in its index: the lane names both.
drop index deliveries_newest;
create index deliveries_newest on deliveries
    (created_at desc, id desc, target, operation, error_kind, lane);
-- What is not done is little beside all that ever was.
create index deliveries_unfinished on deliveries (created_at desc, id desc, state)
    where state <> 'done';
