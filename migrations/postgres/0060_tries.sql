-- Attempts of the delivery that counted, for people. `attempts` begins again with every cycle of
-- retries.
alter table deliveries add column tries bigint not null default 0;
update deliveries set tries = attempts;
