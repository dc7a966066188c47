-- What is worst comes first among all incidents that go on, not among the oldest of them: how bad one is
-- is kept beside its state. It changes with its readings, so an index of it holds only what goes on.
alter table incidents add column badness bigint not null default 0;
-- What stands for many is worse than what is about one thing; the readings of the others come with
-- their next breach.
update incidents set badness = 1000000000000
    where state <> 'closed' and (rule like 'outage:%' or rule like 'flood:%');
drop index incidents_worst;
create index incidents_worst on incidents (
    (case state when 'recovered' then 1 else 0 end),
    (case severity when 'critical' then 0 when 'high' then 1 when 'medium' then 2
        when 'low' then 3 else 4 end),
    badness desc, opened_at, id, state, severity, rule, source, target)
    where state <> 'closed' and outage_id is null;
-- The same among the members of an outage.
create index incidents_worst_members on incidents (
    outage_id,
    (case state when 'recovered' then 1 else 0 end),
    (case severity when 'critical' then 0 when 'high' then 1 when 'medium' then 2
        when 'low' then 3 else 4 end),
    badness desc, opened_at, id)
    where state <> 'closed' and outage_id is not null;
