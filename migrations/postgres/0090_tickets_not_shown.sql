-- Tickets that counted as deleted because the CRM did not show them: they are looked at for a day, because
-- it may show them again.
create index incidents_not_shown on incidents (target, closed_at) where ticket_fate = 'not shown any more';
