-- The end of an id, by which the command line shows an incident: ids begin with the time, so those
-- of one outage begin alike.
create index incidents_by_end on incidents (substr(id, 29));
-- Tickets that lack fields which the CRM refused, by what they lack.
create index incidents_incomplete on incidents (target, (substr(ticket_incomplete, 1, 300)), id)
    where ticket_incomplete is not null and ticket_closed = 0 and ticket_fate is null;
