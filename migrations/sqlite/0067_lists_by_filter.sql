-- Lists are filtered in their index: rows that are not wanted are not read.
drop index incidents_newest;
create index incidents_newest on incidents
    (opened_at desc, id desc, state, severity, source, target, rule);
drop index incidents_by_state;
create index incidents_by_state on incidents
    (state, opened_at desc, id desc, severity, source, target, rule);
drop index deliveries_newest;
create index deliveries_newest on deliveries (created_at desc, id desc, target, operation, error_kind);
-- Events that a rule has decided on, newest first.
create index decisions_by_rule on decisions (rule, event_seq);
