-- The writer gives events their places itself, above all that were ever decided on. `autoincrement`
-- did it by a look into `sqlite_sequence` for each row and a page of it in each commit. To take the
-- word away changes nothing of what is stored, so no row is copied.
pragma writable_schema = on;
update sqlite_schema
    set sql = replace(sql, 'integer primary key autoincrement', 'integer primary key')
    where type = 'table' and name = 'events';
pragma writable_schema = reset;
delete from sqlite_sequence where name = 'events';
