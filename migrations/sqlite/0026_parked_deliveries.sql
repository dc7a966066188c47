-- What a waiting delivery waits for, besides its time: 'target' (the target accepts writes again),
-- 'ticket' (the CRM accepts this one), 'rendering' (its payload is written again first).
alter table deliveries add column parked text;
create index deliveries_parked on deliveries (target, parked) where parked is not null;
-- The fields that the CRM refused, as JSON: field, value, reason.
alter table incidents add column ticket_incomplete text;
