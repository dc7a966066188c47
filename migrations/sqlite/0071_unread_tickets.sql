-- Tickets that are known from the answer to their create alone: nothing has been read of them yet.
alter table incidents add column ticket_unread integer not null default 0;
create index incidents_unread_tickets on incidents (target, ticket_id) where ticket_unread <> 0;
