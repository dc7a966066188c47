//! A database of its own for a test, on the PostgreSQL server that `RINGDOWN_TEST_POSTGRES`
//! names; its user may create databases.

use sqlx::{Connection, Executor};

/// The configuration that puts the store into a new database of that server. Without a server
/// it is empty, and the test runs on SQLite.
pub(crate) async fn store_on_postgres() -> String {
    let Ok(server) = std::env::var("RINGDOWN_TEST_POSTGRES") else {
        return String::new();
    };
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("create database {name}"));
    connection.execute(create).await.unwrap();
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    format!("[store]\nurl = \"{url}\"\n")
}
