-- From which settings the deliveries of a target were rendered, and where its tickets are.
create table rendered_targets (
    target    text primary key,
    records   text not null, -- object or table, and the field of our key
    templates text           -- a digest
);
create index deliveries_to_render on deliveries (id) where parked = 'rendering';
