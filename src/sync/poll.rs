//! Polls a target for changes, sweeps for tickets that are gone, and applies what it finds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::worker::{Memory, SyncError, SyncWorker};
use crate::domain::ticket_sync::{ChangeEffect, Presence, TicketDetails, TicketSnapshot};
use crate::domain::time::Timestamp;
use crate::settings::OnTicketClosed;
use crate::store::StoreError;
use crate::targets::Look;

/// How far a poll reaches back before the newest known change. The CRM stamps a change when its
/// transaction begins and shows it when it ends, so a newer change can be visible before it.
const OVERLAP: Duration = Duration::from_secs(300);
/// The same for the very first poll, which starts from our own clock.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(3600);
/// After so many polls, every open ticket is looked at by its id.
const POLLS_PER_SWEEP: u32 = 10;
/// When at least so many tickets were asked for and none is found, the answer is not believed.
const MIN_IMPLAUSIBLE: usize = 3;
/// Tickets that are looked at to see whether our user may still read any.
const WITNESSES: u32 = 5;
/// Tickets whose changes were given up, that are looked at after a poll.
const MAX_DOUBTED: u32 = 200;

impl SyncWorker {
    /// Asks for all changes with one query, and applies them. Returns the time of the newest one.
    pub(super) async fn poll(&self, memory: &mut Memory) -> Result<Option<Timestamp>, SyncError> {
        // Without an open ticket no change matters.
        let Some(oldest) = self.store.oldest_open_ticket(&self.name).await? else {
            let doubted = self.store.doubted_tickets(&self.name, MAX_DOUBTED).await?;
            memory.missing.retain(|id| doubted.contains(id));
            self.metrics.sync_call(&self.name, "nothing_open");
            return Ok(None);
        };
        let progress = self.store.sync_progress(&self.name).await?;
        let since = match progress.and_then(|progress| progress.changed_at) {
            Some(newest) => newest.minus(OVERLAP),
            None => oldest.minus(MAX_CLOCK_DIFFERENCE),
        };
        self.limiter.take_when_ready().await;
        let seen = self.crm.changed_since(since).await?;
        self.metrics.sync_call(&self.name, "ok");
        for one in &seen {
            match self.apply(one).await {
                Err(error) if error.is_about_content() => tracing::error!(
                    target = self.name.as_str(), ticket = one.ticket_id, %error,
                    "the change of a ticket cannot be stored; it is skipped"
                ),
                done => done?,
            }
        }
        // The CRM's clock as its records show it: the `Date` of a proxy may run ahead.
        let stamps = seen.iter().filter_map(|one| Some(one.version?.changed_at));
        Ok(stamps.max())
    }

    /// Looks at the tickets that were missing last time, at those whose changes were given up, and from
    /// time to time at every open ticket: a ticket that was deleted for good changes no more, so a
    /// poll cannot find it.
    pub(super) async fn sweep(&self, memory: &mut Memory) -> Result<(), SyncError> {
        let mut ids: BTreeSet<String> = match memory.polls_to_sweep.checked_sub(1) {
            Some(left) => {
                memory.polls_to_sweep = left;
                memory.missing.iter().cloned().collect()
            }
            None => {
                memory.polls_to_sweep = POLLS_PER_SWEEP - 1;
                self.store
                    .open_tickets(&self.name)
                    .await?
                    .into_iter()
                    .collect()
            }
        };
        let doubted = self.store.doubted_tickets(&self.name, MAX_DOUBTED).await?;
        if !doubted.is_empty() {
            // Others, which show whether our user may still read tickets at all.
            ids.extend(self.store.newest_tickets(&self.name, WITNESSES).await?);
        }
        ids.extend(doubted);
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = ids.into_iter().collect();
        self.look_at(memory, &ids).await
    }

    /// Looks at tickets by their ids.
    pub(super) async fn look_at(
        &self,
        memory: &mut Memory,
        ids: &[String],
    ) -> Result<(), SyncError> {
        self.limiter.take_when_ready().await;
        let Look { seen, missing } = self.crm.look_at(ids).await?;
        self.metrics.sync_call(&self.name, "ok");
        for one in &seen {
            memory.missing.remove(&one.ticket_id);
            self.apply(one).await?;
        }
        // More likely the CRM has taken our rights than that all tickets were deleted.
        if seen.is_empty() && missing.len() >= MIN_IMPLAUSIBLE {
            tracing::error!(
                target = self.name.as_str(),
                asked = ids.len(),
                "the CRM shows none of our tickets any more. No incident is closed for that. \
                 Check whether our user may still read them"
            );
            return Ok(());
        }
        for id in missing {
            if memory.missing.remove(&id) {
                self.apply(&gone(id)).await?;
            } else {
                memory.missing.insert(id);
            }
        }
        Ok(())
    }

    async fn apply(&self, seen: &TicketSnapshot) -> Result<(), StoreError> {
        let closes = self.settings.on_ticket_closed == OnTicketClosed::Close;
        let applied = self
            .store
            .apply_snapshot(&self.name, seen, closes, self.clock.now())
            .await?;
        let Some(applied) = applied else {
            self.metrics.ticket_change(&self.name, "not_ours");
            return Ok(());
        };
        self.metrics
            .ticket_change(&self.name, applied.effect.as_str());
        if matches!(applied.effect, ChangeEffect::Noted | ChangeEffect::Closed) {
            tracing::info!(
                target = self.name.as_str(),
                incident_id = applied.incident_id.as_str(),
                ticket = seen.ticket_id,
                state = seen.details.state,
                by = seen.changed_by,
                outcome = applied.effect.as_str(),
                "the ticket changed in the CRM"
            );
        }
        Ok(())
    }
}

/// A ticket that the CRM does not show any more.
fn gone(ticket_id: String) -> TicketSnapshot {
    TicketSnapshot {
        ticket_id,
        incident_id: None,
        version: None,
        changed_by: None,
        presence: Presence::Deleted,
        details: TicketDetails::default(),
    }
}
