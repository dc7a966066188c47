-- Whether the incident comes and goes, and is held open until it is calm.
alter table incidents add column flapping bigint not null default 0;
create index incidents_flapping on incidents (opened_at desc, id desc) where flapping = 1;
-- When the key's trouble began, lately, as JSON: written when its incident closes, read when
-- the next one begins.
alter table burst_locks add column onsets text not null default '[]';
-- What tells more about an entry.
alter table incident_history add column event_id    text;
alter table incident_history add column delivery_id bigint;
