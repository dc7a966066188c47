-- For how long the CRM may be at work on what a claim sends, in milliseconds, as far as the process that
-- claims knows: its successor may know less, or more. Null: claimed by an earlier version.
alter table deliveries add column runs_for bigint;
