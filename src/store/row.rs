//! A row that a statement answered, read column by column, by name.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Sqlite, Type};

use super::StoreError;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::time::Timestamp;

/// A row of either database.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type that both databases can store in a column.
pub(super) trait Stored:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Stored for i64 {}
impl Stored for bool {}
impl Stored for String {}
impl Stored for Vec<u8> {}

/// A type that a column is read as.
pub(super) trait Column: Sized {
    type Stored: Stored;

    fn from_stored(stored: Self::Stored) -> Self;
}

impl<T: Stored> Column for T {
    type Stored = T;

    fn from_stored(stored: T) -> Self {
        stored
    }
}

impl Column for Timestamp {
    type Stored = i64;

    fn from_stored(millis: i64) -> Self {
        Self::from_millis(millis)
    }
}

impl Column for IncidentId {
    type Stored = String;

    fn from_stored(id: String) -> Self {
        Self::new(id)
    }
}

impl Column for TargetName {
    type Stored = String;

    fn from_stored(name: String) -> Self {
        Self::new(name)
    }
}

/// A count: no column holds a negative one.
impl Column for u64 {
    type Stored = i64;

    fn from_stored(count: i64) -> Self {
        Self::try_from(count).unwrap_or(0)
    }
}

impl Row {
    /// The value of `column`, which is never null.
    pub(super) fn get<T: Column>(&self, column: &'static str) -> Result<T, StoreError> {
        self.stored(column).map(T::from_stored)
    }

    /// The value of `column`; `None` when it is null.
    pub(super) fn get_optional<T: Column>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let stored: Option<T::Stored> = match self {
            Self::Sqlite(row) => sqlx::Row::try_get(row, column)?,
            Self::Postgres(row) => sqlx::Row::try_get(row, column)?,
        };
        Ok(stored.map(T::from_stored))
    }

    fn stored<S: Stored>(&self, column: &'static str) -> Result<S, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => sqlx::Row::try_get(row, column)?,
            Self::Postgres(row) => sqlx::Row::try_get(row, column)?,
        })
    }
}
