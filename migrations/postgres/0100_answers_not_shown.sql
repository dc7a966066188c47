-- How often the answer to a create has named a ticket that the CRM does not show. Its rare tries are
-- counted in `resumptions`, whatever they are for.
alter table deliveries add column not_shown bigint not null default 0;
