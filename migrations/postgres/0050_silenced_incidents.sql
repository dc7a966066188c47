-- Which incidents each silence has held back: people look whether it hits what it was made for.
create table silenced_incidents (
    silence_id  bigint not null,
    incident_id text   not null,
    primary key (silence_id, incident_id)
);
