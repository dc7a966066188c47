-- The outage that an incident may become a member of, as the outage's active key; null once
-- the incident is closed. And the outage that it is a member of, kept for good.
alter table incidents add column outage_key text;
alter table incidents add column outage_id  text;
create index incidents_by_outage_key on incidents (outage_key) where outage_key is not null;
create index incidents_by_outage on incidents (outage_id) where outage_id is not null;
-- Of a link: the incident under whose ticket the ticket is hung.
alter table deliveries add column parent_id text;
