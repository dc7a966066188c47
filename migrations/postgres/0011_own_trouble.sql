-- When each source was last heard, for sources of which something is expected.
create table sources_heard (
    source   text   not null primary key,
    heard_at bigint not null
);
