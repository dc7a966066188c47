-- When signals matched lately, by rule and correlation key, for rules that need several of them
-- (`at_least`).
create table match_counts (
    count_key text   not null primary key,
    heard_at  bigint not null,
    matches   text   not null
);
create index match_counts_by_age on match_counts (heard_at);
