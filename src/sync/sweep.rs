//! Looks at tickets by their ids, for those that are gone.

use std::collections::BTreeSet;
use std::time::Duration;

use super::worker::{Memory, SyncError, SyncWorker};
use crate::domain::ticket_absence::Absence;
use crate::domain::ticket_sync::{Presence, TicketDetails, TicketSnapshot};
use crate::store::StoreError;
use crate::targets::SnapshotSet;

/// After so many polls, every open ticket is looked at by its id …
const POLLS_PER_SWEEP: u32 = 10;
/// … so many in one poll.
const TICKETS_PER_POLL: u32 = 5_000;
/// When at least so many tickets were asked for and none is found, the answer is not believed.
const MIN_IMPLAUSIBLE: usize = 3;
/// Tickets whose changes were refused because they are not there, that are looked at after a poll.
pub(super) const MAX_DOUBTED: u32 = 200;
/// For so long a ticket that counted as deleted, because it was not shown, may be shown again.
const MAY_RETURN_FOR: Duration = Duration::from_secs(24 * 3600);

impl SyncWorker {
    /// Looks at the tickets that were missing last time, at those whose changes were refused because they
    /// are not there or of which nothing has been read yet, and from time to time at every open ticket: a
    /// ticket that was deleted for good changes no more, so a poll cannot find it. Many tickets are looked
    /// at in several polls, so that no poll waits for all of them.
    pub(super) async fn sweep(&self, memory: &mut Memory) -> Result<(), SyncError> {
        match memory.polls_to_sweep.checked_sub(1) {
            Some(left) => memory.polls_to_sweep = left,
            None => {
                memory.polls_to_sweep = POLLS_PER_SWEEP - 1;
                memory.swept_to.get_or_insert_default();
                self.look_for_returned().await?;
            }
        }
        let mut ids: BTreeSet<String> = memory.missing.keys().cloned().collect();
        let mut next = None;
        if let Some(after) = &memory.swept_to {
            let open = self.store.open_tickets(&self.name, after, TICKETS_PER_POLL);
            let open = open.await?;
            let is_full = u32::try_from(open.len()) == Ok(TICKETS_PER_POLL);
            next = open.last().filter(|_| is_full).cloned();
            ids.extend(open);
        }
        let mut doubted = self.store.doubted_tickets(&self.name, MAX_DOUBTED).await?;
        // The poll before has read of every other new ticket.
        doubted.extend(self.store.unread_tickets(&self.name, MAX_DOUBTED).await?);
        let mut witnesses = Vec::new();
        if !doubted.is_empty() {
            // Others, which show whether our user may still read tickets at all.
            witnesses = self.store.witness_tickets(&self.name).await?;
        }
        ids.extend(doubted);
        witnesses.retain(|id| !ids.contains(id));
        if !ids.is_empty() {
            let ids: Vec<String> = ids.into_iter().collect();
            self.fetch_snapshots(memory, &ids, &witnesses).await?;
        }
        memory.swept_to = next;
        Ok(())
    }

    /// Looks at tickets that counted as deleted because the CRM did not show them.
    async fn look_for_returned(&self) -> Result<(), SyncError> {
        let since = self.clock.now().minus(MAY_RETURN_FOR);
        let ids = self
            .store
            .not_shown_tickets(&self.name, since, MAX_DOUBTED)
            .await?;
        if !ids.is_empty() {
            let look = self.crm.fetch_snapshots(&ids).await?;
            self.metrics.sync_call(&self.name, "ok");
            self.apply_all(&look.seen).await?;
        }
        Ok(())
    }

    /// Looks at tickets by their ids. The `witnesses` only show whether our user may read tickets: that
    /// one of them is not shown says nothing about it, because reads may lag.
    pub(super) async fn fetch_snapshots(
        &self,
        memory: &mut Memory,
        ids: &[String],
        witnesses: &[String],
    ) -> Result<(), SyncError> {
        let asked = [ids, witnesses].concat();
        let SnapshotSet { seen, missing } = self.crm.fetch_snapshots(&asked).await?;
        self.metrics.sync_call(&self.name, "ok");
        let back = seen
            .iter()
            .filter(|one| memory.missing.remove(&one.ticket_id).is_some());
        let back: Vec<String> = back.map(|one| one.ticket_id.clone()).collect();
        self.apply_all(&seen).await?;
        self.wake_changes_of(&seen, &back).await?;
        let not_ours = self.doubt_unread(&missing, !seen.is_empty()).await?;
        // More likely the CRM has taken our rights than that all tickets were deleted.
        if seen.is_empty() && missing.len() >= MIN_IMPLAUSIBLE {
            tracing::error!(
                target = self.name.as_str(),
                asked = asked.len(),
                "the CRM shows none of our tickets any more. No incident is closed for that. \
                 Check whether our user may still read them"
            );
            return Ok(());
        }
        let is_judged = |id: &String| !not_ours.contains(id) && !witnesses.contains(id);
        let missing: Vec<String> = missing.into_iter().filter(is_judged).collect();
        self.judge_missing(memory, missing).await?;
        Ok(())
    }

    /// Tickets that the CRM does not show, and of which it does not say that they were deleted: those
    /// count as deleted that it has not shown for long.
    async fn judge_missing(
        &self,
        memory: &mut Memory,
        missing: Vec<String>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut new = Vec::new();
        for id in missing {
            let Some(absence) = memory.missing.get_mut(&id) else {
                memory.missing.insert(id.clone(), Absence::begin(now));
                new.push(id);
                continue;
            };
            if absence.look_again(now) {
                memory.missing.remove(&id);
                self.apply(&not_shown(id)).await?;
            }
        }
        if !new.is_empty() {
            tracing::warn!(
                target = self.name.as_str(), tickets = ?new,
                "the CRM does not show these tickets; they count as deleted when it has not shown them \
                 for ten minutes"
            );
        }
        Ok(())
    }

    /// What the CRM refused because a ticket was not there is tried at once when it shows the ticket.
    /// `back`: those that it had not shown before.
    async fn wake_changes_of(
        &self,
        seen: &[TicketSnapshot],
        back: &[String],
    ) -> Result<(), StoreError> {
        let doubted = self.store.doubted_tickets(&self.name, MAX_DOUBTED).await?;
        let is_shown = |id: &&String| {
            let mut here = seen.iter().filter(|one| one.presence == Presence::Here);
            here.any(|one| one.ticket_id == **id)
        };
        let shown: Vec<&str> = doubted
            .iter()
            .filter(is_shown)
            .map(String::as_str)
            .collect();
        let now = self.clock.now();
        let woken = self.store.wake_not_found(&self.name, &shown, back, now);
        let woken = woken.await?;
        if woken > 0 {
            tracing::info!(
                target = self.name.as_str(),
                count = woken,
                "the CRM shows tickets that were not there for a change; the changes are tried again"
            );
        }
        Ok(())
    }

    /// Of tickets that the CRM does not show, those of which nothing was ever read: their creates are in
    /// doubt. Where the CRM would accept a second record, it must show others (`shows_any`): otherwise
    /// our user may only open tickets.
    async fn doubt_unread(
        &self,
        missing: &[String],
        shows_any: bool,
    ) -> Result<Vec<String>, StoreError> {
        let runs_for = self.crm.runs_for().create;
        if missing.is_empty() || !(shows_any || runs_for.is_zero()) {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let doubted = self.store.doubt_unread(&self.name, missing, runs_for, now);
        let doubted = doubted.await?;
        if !doubted.is_empty() {
            tracing::warn!(
                target = self.name.as_str(), tickets = ?doubted,
                "the CRM does not show tickets with which it has answered creates; they are looked up \
                 by our key"
            );
        }
        Ok(doubted)
    }
}

/// A ticket that the CRM has not shown for long.
fn not_shown(ticket_id: String) -> TicketSnapshot {
    TicketSnapshot {
        ticket_id,
        incident_id: None,
        version: None,
        changed_by: None,
        presence: Presence::NotShown,
        details: TicketDetails::default(),
    }
}
