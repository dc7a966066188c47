-- Outages that go on, the newest first: they are few, and shown however many have begun since.
create index incidents_ongoing_outages on incidents (opened_at desc)
    where substr(rule, 1, 7) = 'outage:' and closed_at is null;
