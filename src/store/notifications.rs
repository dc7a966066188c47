//! Notifications between replicas, by PostgreSQL's LISTEN and NOTIFY.
//!
//! A notification only shortens a sleep. A replica that misses one finds the work when it next
//! polls.

use sqlx::postgres::PgListener;

use super::database::Database;
use super::{Store, StoreError};

/// Work that is ready now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notification {
    /// Events to decide on.
    Events,
    /// Deliveries to make.
    Deliveries,
}

const CHANNEL: &str = "ringdown";

impl Notification {
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Deliveries => "deliveries",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Events, Self::Deliveries]
            .into_iter()
            .find(|wake| wake.name() == name)
    }
}

impl Store {
    /// Notifies every replica. On SQLite there is none.
    pub async fn publish(&self, wake: Notification) -> Result<(), StoreError> {
        if let Database::Postgres { pool, .. } = &self.database {
            sqlx::query("select pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(wake.name())
                .execute(pool)
                .await?;
        }
        Ok(())
    }

    /// Listens until the connection fails. On SQLite no notification ever comes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when the connection fails or the database knows no LISTEN.
    pub async fn listen(&self, received: impl Fn(Notification)) -> Result<(), StoreError> {
        let Database::Postgres { pool, .. } = &self.database else {
            return std::future::pending().await;
        };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // After a lost connection anything may have been missed.
            match listener.try_recv().await? {
                Some(notification) => {
                    if let Some(wake) = Notification::from_name(notification.payload()) {
                        received(wake);
                    }
                }
                None => {
                    received(Notification::Events);
                    received(Notification::Deliveries);
                }
            }
        }
    }
}
