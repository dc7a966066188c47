//! A database of a test's own on the PostgreSQL server that the test run was given.

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

pub(crate) struct Database {
    pub(crate) url: url::Url,
    server: String,
    name: String,
    pool: PgPool,
}

/// The server's address, or a line that says why nothing is tested.
pub(crate) fn server() -> Option<String> {
    let server = std::env::var("RINGDOWN_TEST_POSTGRES").ok();
    if server.is_none() {
        eprintln!("SKIPPED: RINGDOWN_TEST_POSTGRES is not set; run tests/with_postgres cargo test");
    }
    server
}

impl Database {
    pub(crate) async fn create(server: &str) -> Self {
        let name = format!("replicas_{}", uuid::Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(server).await.unwrap();
        let create = format!("create database {name}");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        let mut url: url::Url = server.parse().unwrap();
        url.set_path(&name);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy(url.as_str())
            .unwrap();
        Self {
            url,
            server: server.to_owned(),
            name,
            pool,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port().unwrap_or(5432)
    }

    /// Who holds the lease on deciding now.
    pub(crate) async fn decider(&self) -> Option<String> {
        self.text(
            "select owner from leases where name = 'decide' \
             and until > extract(epoch from clock_timestamp()) * 1000",
        )
        .await
    }

    /// Who holds a claim on a delivery now.
    pub(crate) async fn deliverer(&self) -> Option<String> {
        self.text("select lease_owner from deliveries where state = 'sending' order by id limit 1")
            .await
    }

    /// Who holds claims on deliveries now, and how many.
    pub(crate) async fn deliverers(&self) -> Vec<(String, i64)> {
        sqlx::query_as(
            "select lease_owner, count(*) from deliveries where state = 'sending' \
             group by lease_owner",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Who said last that a target cannot be reached, while that stands.
    pub(crate) async fn health_keeper(&self) -> Option<String> {
        self.text("select replica from target_health where state <> 'up'")
            .await
    }

    async fn text(&self, query: &'static str) -> Option<String> {
        let row = sqlx::query_as(query).fetch_optional(&self.pool).await;
        row.ok().flatten().map(|(text,): (String,)| text)
    }

    /// Whether a transaction waits for another one's row.
    pub(crate) async fn somebody_waits(&self) -> bool {
        let waits: Option<(i32,)> = sqlx::query_as(
            "select 1 from pg_stat_activity \
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_optional(&self.pool)
        .await
        .unwrap();
        waits.is_some()
    }

    /// Whether a replica waits for the lock under which another migrates.
    #[cfg(feature = "fault-points")]
    pub(crate) async fn somebody_waits_to_migrate(&self) -> bool {
        let waits: Option<(i32,)> = sqlx::query_as(
            "select 1 from pg_locks l join pg_database d on d.oid = l.database \
             where l.locktype = 'advisory' and not l.granted and d.datname = current_database()",
        )
        .fetch_optional(&self.pool)
        .await
        .unwrap();
        waits.is_some()
    }

    /// The migrations that it has; none before the first start.
    #[cfg(feature = "fault-points")]
    pub(crate) async fn migrations(&self) -> Vec<i64> {
        let rows = sqlx::query_as("select version from _sqlx_migrations order by version")
            .fetch_all(&self.pool)
            .await;
        let rows: Vec<(i64,)> = rows.unwrap_or_default();
        rows.into_iter().map(|(version,)| version).collect()
    }

    /// Executes `statement` with these texts.
    #[cfg(feature = "fault-points")]
    pub(crate) async fn execute(&self, statement: &'static str, texts: &[&str]) {
        let mut query = sqlx::query(statement);
        for text in texts {
            query = query.bind(*text);
        }
        query.execute(&self.pool).await.unwrap();
    }

    /// The ids of the events in the journal, in their order as text, each as often as it is
    /// there.
    pub(crate) async fn journal(&self) -> Vec<String> {
        let rows: Vec<(String,)> =
            sqlx::query_as("select event_id from events order by event_id collate \"C\"")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        rows.into_iter().map(|(id,)| id).collect()
    }

    /// Events in the journal, and events that deciding has passed.
    pub(crate) async fn decided(&self) -> (i64, i64) {
        sqlx::query_as(
            "select (select coalesce(max(seq), 0) from events), \
                    (select position from cursors where name = 'decide')",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Decisions on each queue, and how many of them count as an occurrence: all but those on
    /// events that others, sent later, have overtaken.
    pub(crate) async fn decisions(&self) -> Vec<(String, i64, i64)> {
        sqlx::query_as(
            "select i.key, count(*), count(*) filter (where d.outcome <> 'out_of_order') \
             from decisions d join incidents i on i.id = d.incident_id group by i.key",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Removes the database; connections of daemons that died may linger.
    pub(crate) async fn remove(&self) {
        self.pool.close().await;
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        let drop = format!("drop database {} with (force)", self.name);
        connection.execute(AssertSqlSafe(drop)).await.unwrap();
    }
}
