-- A person can put an incident into an outage too: one more action, and the outage that is meant.
alter table incident_requests add column outage_id text; -- the outage that it joins
alter table incident_requests drop constraint incident_requests_action_check;
alter table incident_requests add constraint incident_requests_action_check check (action in
    ('close', 'note', 'open_ticket', 'leave_outage', 'join_outage'));
