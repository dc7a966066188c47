-- Time spans in which no ticket is opened for what they match. What a person did to one is in
-- the audit log.
create table silences (
    id         integer primary key autoincrement,
    matchers   text    not null, -- a JSON list of their texts; all of them must hold
    starts_at  bigint  not null,
    ends_at    bigint  not null, -- exclusive; expiring one early sets it
    author     text    not null, -- the name of the admin token, or 'local'
    reason     text    not null,
    created_at bigint  not null,
    expired_by text              -- who ended it early
);
-- Which are in force or to come; and the last end of all, which deciding asks for.
create index silences_by_end on silences (ends_at);
create index silences_newest on silences (created_at desc, id desc);
