-- When it became unknown last whether an attempt of the delivery had an effect. The doubt may be over
-- since; but a ticket is not opened in another target before that request has certainly ended.
alter table deliveries add column unknown_at bigint;
