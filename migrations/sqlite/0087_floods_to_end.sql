-- Floods that a person has ended, looked for in every step of deciding. With its state in front the
-- index is preferred to that of all closed incidents, which are many.
drop index incidents_floods_to_end;
create index incidents_floods_to_end on incidents (state, key)
    where flood_verdict is not null and state = 'closed';
