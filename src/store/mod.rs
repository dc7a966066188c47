//! The store: the journal of events, incidents, the outbox of deliveries, review items.
//!
//! All SQL lives here, written once for SQLite and PostgreSQL. Methods are named by the stage
//! that calls them. May import: `domain`. Must not know: HTTP, formats, CRMs; it reads no
//! clock and uses no randomness.

mod attempts;
mod audit;
mod backlog;
mod claims;
mod database;
mod database_file;
mod dead_letters;
mod decisions;
mod due;
mod error;
mod failover;
mod fence;
mod file_watch;
mod floods;
mod history;
mod journal;
mod keys;
mod known;
mod leases;
mod migrations;
mod outages;
mod outbox;
mod own_trouble;
mod retention;
mod review;
mod review_limit;
mod settlement;
mod silences;
mod sqlite;
mod sync_progress;
mod target_health;
mod ticket_changes;
mod views;
mod wake;

pub use audit::By;
pub use backlog::Backlog;
pub use decisions::{Deciding, DecisionBatch, KeptIncident, NewDecision, NewReview, active_key};
pub use error::StoreError;
pub use failover::{OwedDelivery, Unopened, WaitingCreate};
pub use fence::Fence;
pub use floods::FloodVerdict;
pub use history::{HistoryEntry, Reference};
pub use journal::{
    Appended, Content, Journal, JournalError, JournalEvent, JournalWriter, NewEvent,
};
pub use outbox::{Claim, ClaimedDelivery, NewDelivery, ParentTicket};
pub use retention::Forgotten;
pub use review::ReviewVerdict;
pub use settlement::Settlement;
pub use silences::NewSilence;
pub use sync_progress::{SyncProgress, TicketHint};
pub use target_health::TargetHealth;
pub use ticket_changes::AppliedSighting;
pub use views::{
    AuditView, Counts, Cursor, DeadLetterDetail, DeadLetterView, DecisionView, DeliveryDetail,
    DeliveryView, Document, DroppedReviewsView, EventDetail, EventReview, EventView, Filter,
    FlappingView, FloodView, HistoryView, IncidentDetail, IncidentEventView, IncidentView,
    KeptFailure, LockView, Moment, Page, PageRequest, PartView, ReviewDetail, ReviewView, RowId,
    SilenceView, TicketView, TimelineEntry, WaitsView,
};
pub use wake::Wake;

use database::Database;
use journal::Fresh;
use keys::Runs;
use silences::Compiled;

/// The database, opened and migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    fresh: Fresh,
    runs: Runs,
    compiled: Compiled,
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`) and applies the
    /// migrations it lacks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be opened or migrated, or is from a newer version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let database = Database::connect(url).await?;
        database.migrate().await?;
        Ok(Self {
            database,
            fresh: Fresh::default(),
            runs: Runs::default(),
            compiled: Compiled::default(),
        })
    }

    /// A journal on this store, and its writer, which the caller runs as a task.
    pub fn journal(&self) -> (Journal, JournalWriter) {
        Journal::new(self.database.clone(), self.runs.clone(), self.fresh.clone())
    }

    /// Whether the store can commit: the question behind `/readyz`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when it cannot; [`StoreError::FileLost`] when it can, to no avail.
    pub async fn can_commit(&self) -> Result<(), StoreError> {
        self.database.check_file()?;
        let mut tx = self.database.begin_write().await?;
        database::on!(&mut tx, connection => {
            sqlx::query("update cursors set position = position + 1 where name = 'ready'")
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// The migrations that the database has, oldest first: version and description.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when they cannot be read.
    pub async fn migrations(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        Ok(database::on!(&mut tx, connection => {
            sqlx::query_as("select version, description from _sqlx_migrations order by version")
                .fetch_all(connection)
                .await?
        }))
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
