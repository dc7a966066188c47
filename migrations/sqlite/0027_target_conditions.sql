-- When a target accepted no writes, and why.
create table target_conditions (
    id     integer primary key autoincrement,
    target text   not null,
    since  bigint not null,
    until  bigint, -- null: it lasts
    state  text   not null,
    reason text   not null
);
create unique index target_conditions_open on target_conditions (target) where until is null;
create index target_conditions_by_target on target_conditions (target, since);
