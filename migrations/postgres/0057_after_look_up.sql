-- What follows when a look-up has shown that a delivery in doubt had no effect: 'render' (its templates
-- have changed), 'discard' (nobody wants its ticket any more). Null: it is sent again.
alter table deliveries add column after_look_up text;

-- The time was stored for dead letters only.
update deliveries set look_up_from = unknown_at + 600000
where in_doubt = 1 and look_up_from = 0 and unknown_at is not null;
