-- Targets that a person has paused: nothing is sent to them until a person resumes them, or until
-- the time that was given.
create table target_pauses (
    target    text   not null primary key,
    reason    text   not null,
    paused_by text   not null, -- the name of the admin token, or 'local'
    since     bigint not null,
    until     bigint            -- null: only a person ends it
);
