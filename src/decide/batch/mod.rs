//! One batch of decisions: from findings, and from time, to everything that changes.
//!
//! No I/O: the caller loads the state before, and stores the changes afterwards. Two things are not
//! pure. The ids of new incidents (`Uuid::now_v7`) are made here from the system clock and from
//! randomness; nothing is decided by them. And warnings are logged here.

mod apply;
mod changes;
mod counting;
mod create;
mod failover;
mod flood;
mod groups;
mod inputs;
mod key_state;
mod moved;
mod mutes;
mod outage;
mod outage_member;
mod person;
mod pipeline;
mod rule_faults;
mod source_limits;
mod ticket;
mod timers;
mod unreachable;

pub(super) use changes::Effects;
pub(super) use failover::move_waiting;
pub(crate) use failover::render_again;
pub(super) use inputs::Inputs;
pub(super) use moved::Moved;
pub(crate) use mutes::maintenance_over;
pub(super) use person::PersonsWish;
pub(super) use pipeline::{Batch, Loaded};
pub(super) use source_limits::SourceLimits;
pub(super) use unreachable::UnreachableTargets;
