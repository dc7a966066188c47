//! The decisions and the values they are made of: pure functions over plain data.
//!
//! `incident` is the data at the bottom; `decision`, `outage`, `flood` and `silence` decide about
//! it.

pub mod activity;
pub mod allowance;
pub mod change_feed;
pub mod circuit_breaker;
pub mod decision;
pub mod doubt;
pub mod enrichment;
pub mod entity;
pub mod failover;
pub mod failure;
pub mod flood;
pub mod identity;
pub mod incident;
pub mod incident_event;
pub mod incident_request;
pub mod lanes;
pub mod match_count;
pub mod outage;
pub mod polling;
pub mod replay_plan;
pub mod retry;
pub mod review_limit;
pub mod severity;
pub mod signal;
pub mod silence;
pub mod situation;
pub mod stopped_changes;
pub mod ticket;
pub mod ticket_absence;
pub mod ticket_sync;
pub mod time;
pub mod trouble;
