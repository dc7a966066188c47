//! The parts of sqlx that the daemon uses, under the names that its documentation has.
//!
//! Re-exports only. See `Cargo.toml` for why this is not the crate of crates.io.

pub use sqlx_core::acquire::Acquire;
pub use sqlx_core::arguments::{Arguments, IntoArguments};
pub use sqlx_core::column::{Column, ColumnIndex};
pub use sqlx_core::connection::{ConnectOptions, Connection};
pub use sqlx_core::database::Database;
pub use sqlx_core::decode::Decode;
pub use sqlx_core::encode::{self, Encode};
pub use sqlx_core::error::{self, Error, Result};
pub use sqlx_core::executor::{Execute, Executor};
pub use sqlx_core::from_row::FromRow;
pub use sqlx_core::migrate;
pub use sqlx_core::pool::{self, Pool};
pub use sqlx_core::query::{query, query_with};
pub use sqlx_core::query_as::{query_as, query_as_with};
pub use sqlx_core::query_builder::{self, QueryBuilder};
pub use sqlx_core::query_scalar::query_scalar;
pub use sqlx_core::raw_sql::raw_sql;
pub use sqlx_core::row::Row;
pub use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr, SqlStr};
pub use sqlx_core::transaction::Transaction;
pub use sqlx_core::types::Type;
pub use sqlx_core::value::{Value, ValueRef};
pub use sqlx_core::{database, decode, types};
pub use sqlx_postgres::{self as postgres, PgConnection, PgPool, Postgres};
pub use sqlx_sqlite::{self as sqlite, Sqlite, SqliteConnection, SqlitePool};

pub mod query {
    //! The types of statements.
    pub use sqlx_core::query::{Map, Query};
    pub use sqlx_core::query_as::QueryAs;
}
