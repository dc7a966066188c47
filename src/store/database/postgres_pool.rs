//! Connections to PostgreSQL.

use std::str::FromStr;
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};

use super::transaction::{Tx, answered};
use crate::store::StoreError;

/// Connections to PostgreSQL; the journal and deciding have one more each.
const CONNECTIONS: u32 = 14;
/// How long a connection may be waited for.
const MAX_ACQUIRE: Duration = Duration::from_secs(10);
/// A connection that was used so lately is not asked whether it is still there: the question is
/// a way there and back, before each statement of a flood.
pub(in crate::store) const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection may take to answer a ping.
const MAX_PING: Duration = Duration::from_secs(2);
/// How long PostgreSQL lets a transaction wait for its process. A replica that is stopped or
/// cut off in the middle of one holds locks that all others need; then they are released.
const MAX_IDLE_IN_TRANSACTION: &str = "4s";
/// The parameters that every connection to PostgreSQL sets, independent of the settings of server,
/// database and role: a commit that returned is durable; a statement that waited for a row sees it
/// as it is then; and no statement is compiled before it runs.
const SESSION: [(&str, &str); 4] = [
    (
        "idle_in_transaction_session_timeout",
        MAX_IDLE_IN_TRANSACTION,
    ),
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    // Statements here take milliseconds. Where one looks costly to the planner, as a claim does,
    // the server would compile it for a second first.
    ("jit", "off"),
];

/// The pools of a PostgreSQL database.
pub(super) struct PostgresPools {
    pub(super) pool: PgPool,
    pub(super) journal: PgPool,
    pub(super) unsynced: PgPool,
}

impl PostgresPools {
    pub(super) async fn connect(url: &str) -> Result<Self, StoreError> {
        // The parse error is not shown: it can repeat the password in the URL.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::BadUrl("postgres://USER:PASSWORD@HOST/DATABASE"))?;
        let options = options.options(SESSION);
        let journal = connections(1, TRUSTED).connect_lazy_with(options.clone());
        let unsynced = connections(1, TRUSTED)
            .connect_lazy_with(options.clone().options([("synchronous_commit", "off")]));
        let pool = connections(CONNECTIONS, Duration::ZERO)
            .connect_with(options)
            .await
            .map_err(StoreError::cannot_open)?;
        Ok(Self {
            pool,
            journal,
            unsynced,
        })
    }
}

/// A pool of so many connections. One that does not answer is closed, and not
/// waited for: neither when it is acquired nor when it is given back. One that was used within
/// `trusted` is not asked.
fn connections(count: u32, trusted: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(count)
        .acquire_timeout(MAX_ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(move |connection, lain| {
            Box::pin(async move { Ok(lain.idle_for < trusted || answers(connection).await) })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                match answers(connection).await {
                    true => Ok(true),
                    // An error, so that no farewell is sent and waited for.
                    false => Err(std::io::Error::other("the connection does not answer").into()),
                }
            })
        })
}

async fn answers(connection: &mut PgConnection) -> bool {
    let ping = tokio::time::timeout(MAX_PING, connection.ping()).await;
    ping.is_ok_and(|answer| answer.is_ok())
}

pub(super) async fn begin(pool: &PgPool) -> Result<Tx, StoreError> {
    answered(async { Ok(Tx::Postgres(pool.begin().await?)) }).await
}
