-- What the client of a target has learnt from answers and must still know after a restart.
alter table rendered_targets add column learnt text;
