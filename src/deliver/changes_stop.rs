//! Shares with other replicas, and with the next process, that a target accepts new tickets and refuses
//! changes of them: one row of the store.
//!
//! A replica whose changes pass says nothing against one whose changes do not: their ways to the CRM may
//! differ.

use std::time::{Duration, Instant};

use super::worker::TargetWorker;
use crate::domain::failover::DISAGREES_FOR;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::{ChangesStop, StoreError};

/// How often the row is read while several replicas share the database.
const READ_EVERY: Duration = Duration::from_secs(1);

/// What this process knows of the row.
#[derive(Debug, Default)]
pub(super) struct SharedStop {
    stored: Option<ChangesStop>,
    read_at: Option<Instant>,
    /// When it first saw the row.
    heard_at: Timestamp,
    /// The row is written or seen, for the present obstacle.
    is_noted: bool,
    /// A change has failed since the row was last looked at.
    has_failed: bool,
    /// A change has succeeded that ended the obstacle.
    has_ended: bool,
    /// When a change last succeeded, with no failure since.
    changed_at: Option<Timestamp>,
}

impl SharedStop {
    pub(super) const fn record_failure(&mut self) {
        self.has_failed = true;
        self.changed_at = None;
    }

    pub(super) const fn record_success(&mut self, ends_obstacle: bool, now: Timestamp) {
        self.has_failed = false;
        self.has_ended |= ends_obstacle;
        self.changed_at = Some(now);
    }
}

/// What follows from the row.
enum Step {
    Nothing,
    Write(ChangesStop),
    Delete(ChangesStop),
}

impl TargetWorker {
    /// Stores whether changes wait by themselves, and follows other replicas.
    pub(super) async fn share_changes_stop(&self, now: Timestamp) -> Result<(), StoreError> {
        let is_due = match self.shared().changes_stop.read_at {
            None => true,
            Some(at) => self.store.is_shared() && at.elapsed() >= READ_EVERY,
        };
        if is_due {
            let stored = self.store.changes_stop(&self.name).await?;
            let mut shared = self.shared();
            let stop = &mut shared.changes_stop;
            stop.read_at = Some(Instant::now());
            if stop.stored != stored {
                stop.heard_at = now;
                stop.stored = stored;
            }
        }
        match self.step_of_stop(now) {
            Step::Nothing => return Ok(()),
            Step::Write(stop) => self.store.note_changes_stop(&self.name, &stop).await?,
            Step::Delete(stop) => self.store.end_changes_stop(&self.name, &stop).await?,
        }
        self.shared().changes_stop.read_at = None;
        Ok(())
    }

    fn step_of_stop(&self, now: Timestamp) -> Step {
        let mut shared = self.shared();
        let reason = shared
            .last_error
            .as_ref()
            .map_or_else(String::new, |(failure, _)| failure.to_string());
        let shared = &mut *shared;
        let stop = &mut shared.changes_stop;
        match (shared.stopped_changes.since(), &stop.stored) {
            (Some(since), None) if stop.has_failed => {
                stop.has_failed = false;
                Step::Write(ChangesStop {
                    since,
                    noted_at: now,
                    replica: self.owner.clone(),
                    reason,
                })
            }
            // Another replica has changed a ticket.
            (Some(_), None) if stop.is_noted => {
                stop.is_noted = false;
                shared.stopped_changes.try_now(now);
                Step::Nothing
            }
            (Some(_), None) | (None, None) => {
                stop.has_ended = false;
                Step::Nothing
            }
            (Some(_), Some(_)) => {
                stop.is_noted = true;
                stop.has_failed = false;
                Step::Nothing
            }
            (None, Some(row)) => {
                stop.is_noted = false;
                // A time in the future means that the clock was set back.
                let changed_at = stop.changed_at.filter(|at| *at <= now);
                let is_old = stop.heard_at.plus(DISAGREES_FOR) <= now;
                let is_disproved = changed_at.is_some_and(|at| at >= stop.heard_at);
                if stop.has_ended || (is_disproved && is_old) {
                    stop.has_ended = false;
                    return Step::Delete(row.clone());
                }
                let has_just_changed = changed_at.is_some_and(|at| now.since(at) < DISAGREES_FOR);
                if !has_just_changed {
                    stop.is_noted = true;
                    shared.stopped_changes.follow(row.since.min(now), now);
                }
                Step::Nothing
            }
        }
    }

    /// Ends the obstacle that only changes meet when no change is owed any more.
    pub(super) async fn forget_changes_stop(&self) -> Result<(), StoreError> {
        if self.shared().stopped_changes.since().is_none() {
            return Ok(());
        }
        for operation in Operation::CHANGES {
            if self.store.owes(&self.name, operation).await? {
                return Ok(());
            }
        }
        let mut shared = self.shared();
        shared.stopped_changes.end();
        shared.refused_changes.note_pass();
        shared.changes_stop.record_success(true, self.clock.now());
        Ok(())
    }
}
