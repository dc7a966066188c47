//! Each database's own time, in epoch ms, as a part of a statement's text.

macro_rules! sqlite_now {
    () => {
        "cast((julianday('now') - 2440587.5) * 86400000 as integer)"
    };
}
pub(in crate::store) use sqlite_now;

/// It goes on within a transaction.
macro_rules! postgres_now {
    () => {
        "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
    };
}
pub(in crate::store) use postgres_now;
