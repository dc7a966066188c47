-- In which records of the CRM the ticket is, where its target is configured for others since. Null:
-- in those that its target is configured for.
alter table incidents add column ticket_records text;
