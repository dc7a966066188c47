-- How each queue, trunk, Edge, alert or other entity stands: the latest readings and statuses, each
-- with its time. The key is the source, the kind and the id of the entity.
create table entities (
    entity_key text   not null primary key,
    heard_at   bigint not null,
    state      text   not null
) without rowid;
