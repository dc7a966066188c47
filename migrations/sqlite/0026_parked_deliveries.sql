-- What a waiting delivery waits for, besides its time: 'target' (the target accepts writes again),
-- 'ticket' (the CRM accepts this one), 'rendering' (its payload is written again first).
alter table deliveries add column parked text;
-- From when a look-up can be trusted, of a delivery in doubt.
alter table deliveries add column look_up_from bigint not null default 0;
create index deliveries_parked on deliveries (target, parked) where parked is not null;
-- The fields that the CRM refused, as JSON: field, value, reason.
alter table incidents add column ticket_incomplete text;
