-- Whether a target that accepts no tickets answers, and asks to wait. Its state is then
-- 'circuit_open', which older versions can read.
alter table target_health add column is_paused bigint not null default 0;
