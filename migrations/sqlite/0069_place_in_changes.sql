-- Where the next poll of a target begins in the order of changes: the CRM's time, and the record
-- after which it begins at that time.
alter table sync_progress add column resume_at bigint;
alter table sync_progress add column resume_id text;
