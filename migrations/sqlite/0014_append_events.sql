-- SQLite's journal is written from inside the process. The version keeps the two databases'
-- migrations in step.
select 1;
