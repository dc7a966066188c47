-- Several processes append here: the unique index of 0001 stays the judge of what is new. The
-- version keeps the two databases' migrations in step.
select 1;
