-- What happened, as JSON with the name of its kind. Rows without it are older, and have only texts.
alter table incident_history add column event text;
