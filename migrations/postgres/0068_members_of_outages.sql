-- Members of an outage that have not recovered: whether there is any is asked in each batch.
create index incidents_live_members on incidents (outage_id)
    where outage_id is not null and state in ('pending', 'open');
-- Members by the key of their outage, to find those that an outage which is over has left behind.
create index incidents_members on incidents (outage_key)
    where outage_key is not null and outage_id is not null;
