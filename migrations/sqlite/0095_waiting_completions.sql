-- Fields that are set later and wait: few of all that waits.
create index deliveries_completing on deliveries (target, id)
    where completes = 1 and state = 'waiting';
