//! The store: the journal of events, incidents, the outbox of deliveries, review items.
//!
//! All SQL is here, written once for SQLite and PostgreSQL. Each file has one topic; `views` has
//! the lists for the API.

mod abandoned;
mod activity;
mod audit;
mod behind;
mod burst_locks;
mod claims;
mod completion;
mod database;
mod database_file;
mod dead_letters;
mod dead_retries;
mod decision_transaction;
mod decisions;
mod dedup;
mod delivery_result;
mod discarded_creates;
mod due;
mod embedded_migrations;
mod entities;
mod error;
mod event_chunks;
mod event_places;
mod events;
mod failover;
mod fencing;
mod file_watch;
mod floods;
mod handle;
mod history;
mod in_front;
mod incident_requests;
mod incidents;
mod journal;
mod known_tickets;
mod late_tickets;
mod leases;
mod load_state;
mod match_counts;
mod migrations;
mod needless;
mod notifications;
mod outages;
mod outbox;
mod polling;
mod record_result;
mod refused_operations;
mod rendering;
mod replicas;
mod requested_creates;
mod retention;
mod review;
mod review_limit;
mod review_reason;
mod row;
mod self_monitor;
mod shown_again;
mod silence_matchers;
mod silences;
mod sqlite;
mod statement;
mod stopped_changes;
mod sync_progress;
mod target_changes;
mod target_conditions;
mod target_health;
mod target_pauses;
mod ticket_changes;
mod ticket_owner;
mod unread_tickets;
mod value;
mod views;
mod write_ahead_log;

pub use abandoned::Abandoned;
pub use activity::HourCounts;
pub use audit::ChangedBy;
pub use decision_transaction::DecisionTransaction;
pub use decisions::{DecisionBatch, DecisionRecord, NewReview};
pub use delivery_result::{CompletedFields, DeliveryResult, WaitsFor};
pub use discarded_creates::DiscardedDeadLetters;
pub use entities::{EntityRecord, ForgottenEntities, StoredEntities};
pub use error::StoreError;
pub use events::Backlog;
pub use failover::{IncidentWithoutTicket, PendingCreate, PendingDelivery};
pub use fencing::FencingToken;
pub use floods::FloodDecision;
pub use handle::Store;
pub use history::{HistoryEntry, Reference};
pub use incident_requests::{IncidentRequest, NewIncidentRequest, RequestOutcome};
pub use incidents::IncidentRecord;
pub use journal::{
    Appended, Content, Journal, JournalError, JournalEvent, JournalWriter, NewEvent,
};
pub use known_tickets::Recognised;
pub use load_state::KeyRecord;
pub use notifications::Notification;
pub use outbox::{Claim, ClaimedDelivery, NewDelivery, ParentTicket};
pub use rendering::DeadLetterToRender;
pub use retention::RetentionStep;
pub use review::ReviewDecision;
pub use silences::NewSilence;
pub use stopped_changes::ChangesStop;
pub use sync_progress::{ChangedTicket, SyncProgress};
pub use target_changes::TargetChange;
pub use target_conditions::{ConditionState, OpenCondition, TargetCondition};
pub use target_health::TargetHealth;
pub use target_pauses::TargetPause;
pub use ticket_changes::AppliedSnapshot;
pub use views::{
    AuditView, ChangeMark, Counts, Cursor, DeadLetterDetail, DeadLetterGroup, DeadLetterView,
    DecisionView, DeliveryDetail, DeliveryView, DisplayTime, Document, DroppedReviewsView,
    EventDetail, EventReview, EventView, Filter, FlappingView, FloodView, HistoryView,
    IncidentDetail, IncidentEventView, IncidentView, IncompleteGroup, LAST_HOURS, LastDay,
    LockView, MAX_GROUPS, MemberOf, OngoingIncident, OutageSpan, Owed, Page, PageRequest, PartView,
    ReadingEvent, RefusedAlone, RefusedField, ReviewDetail, ReviewGroup, ReviewView, RowId,
    SilenceSubject, SilenceView, SourceActivity, Standing, StoredFailure, TicketView,
    TimelineEntry, WaitsView, refused_fields,
};
