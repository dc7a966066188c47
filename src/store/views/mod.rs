//! The data that the API shows: lists, newest first and page by page, and single items with all
//! their details.
//!
//! Reads only. Changes by people are in `dead_letters`, `review`, `floods` and `silences`.

mod activity;
mod audit;
mod changes;
mod counts;
mod deliveries;
mod events;
mod events_by_chunk;
mod floods;
mod incident_detail;
mod incidents;
mod incomplete;
mod known_names;
mod last_day;
mod locks;
mod member_of;
pub(super) mod named;
mod ongoing;
mod page;
mod person;
mod queues;
mod reviews;
mod schemas;
mod silence_subjects;
mod silences;
mod timeline;
mod timeline_entry;
mod values;
mod why;

pub use activity::SourceActivity;
pub use audit::AuditView;
pub use changes::ChangeMark;
pub use counts::Counts;
pub use deliveries::{DeadLetterDetail, DeadLetterView, DeliveryDetail, DeliveryView};
pub use events::{DecisionView, EventDetail, EventReview, EventView};
pub use floods::FloodView;
pub use incident_detail::{FlappingView, HistoryView, IncidentDetail, IncidentEventView, PartView};
pub use incidents::{IncidentView, TicketView, WaitsView};
pub use incomplete::{IncompleteGroup, RefusedField, refused_fields};
pub use last_day::{LAST_HOURS, LastDay, OutageSpan};
pub use locks::LockView;
pub use member_of::MemberOf;
pub use ongoing::{OngoingIncident, Owed, ReadingEvent, Standing};
pub use page::{Cursor, Filter, Page, PageRequest};
pub use person::{DeadLetterGroup, MAX_GROUPS, RefusedAlone, ReviewGroup};
pub use reviews::{DroppedReviewsView, ReviewDetail, ReviewView};
pub use silence_subjects::SilenceSubject;
pub use silences::SilenceView;
pub use timeline_entry::TimelineEntry;
pub use values::{DisplayTime, Document, RowId, StoredFailure};

pub(super) use deliveries::{delivery_in, push_delivery_filter};
pub(super) use reviews::push_review_filter;
pub(super) use silences::silence_in;

#[cfg(test)]
mod plans;
