-- Targets that accept new tickets, and refuse every change of a ticket for a reason that is about none.
-- The row is deleted when a change succeeds.
create table stopped_changes (
    target   text   not null primary key,
    since    bigint not null,
    noted_at bigint not null,
    replica  text   not null, -- that has stored it
    reason   text   not null
);
