//! Polls a target for changes, sweeps for tickets that are gone, and applies what it finds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::worker::{Memory, SyncError, SyncWorker};
use crate::domain::change_feed::{ChangeMark, ChangeReading};
use crate::domain::doubt::ENDS_WITHIN;
use crate::domain::ticket_sync::{ChangeEffect, Presence, TicketDetails, TicketSnapshot};
use crate::domain::time::Timestamp;
use crate::settings::OnTicketClosed;
use crate::store::{AppliedSnapshot, Recognised, StoreError, SyncProgress};
use crate::targets::SnapshotSet;

/// How far the very first poll, which starts from our own clock, reaches back.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(3600);
/// Pages of changes that one poll reads; the next one continues after them.
const MAX_PAGES: usize = 400;
/// Changes that are stored in one transaction. Others who write wait for it.
const TICKETS_PER_TRANSACTION: usize = 64;
/// After so many polls, every open ticket is looked at by its id …
const POLLS_PER_SWEEP: u32 = 10;
/// … so many in one poll.
const TICKETS_PER_POLL: u32 = 5_000;
/// When at least so many tickets were asked for and none is found, the answer is not believed.
const MIN_IMPLAUSIBLE: usize = 3;
/// Tickets whose changes were given up, that are looked at after a poll.
const MAX_DOUBTED: u32 = 200;

impl SyncWorker {
    /// Reads the changes since the last poll, page by page, and applies them. What was read is
    /// stored with each page, so a poll that fails is continued, with the overlap of new changes.
    pub(super) async fn poll(&self, memory: &mut Memory, now: Timestamp) -> Result<(), SyncError> {
        // Without an open ticket no change matters, unless a lost create may still bring one.
        let mut oldest = self.store.oldest_open_ticket(&self.name).await?;
        if oldest.is_none() {
            let since = now.minus(ENDS_WITHIN + self.settings.poll_every);
            oldest = self.store.oldest_lost_create(&self.name, since).await?;
        }
        let Some(oldest) = oldest else {
            let doubted = self.store.doubted_tickets(&self.name, MAX_DOUBTED).await?;
            memory.missing.retain(|id| doubted.contains(id));
            self.metrics.sync_call(&self.name, "nothing_open");
            return self.save(None, None, now).await;
        };
        let progress = self.store.sync_progress(&self.name).await?;
        let mut reading = ChangeReading::begin(&begin(progress, oldest));
        for _ in 0..MAX_PAGES {
            let page = self.crm.changes_after(reading.next_page()).await?;
            self.metrics.sync_call(&self.name, "ok");
            self.apply_all(&page.seen).await?;
            // The CRM's clock as its records show it: the `Date` of a proxy may run ahead.
            let stamps = page.seen.iter().filter_map(|one| one.version);
            stamps.for_each(|version| reading.note(version.changed_at));
            let more = page.next.is_some_and(|next| reading.advance(&next));
            if !more {
                return self
                    .save(reading.newest(), Some(reading.next_poll()), now)
                    .await;
            }
            let resume = Some(reading.next_poll_with_rest(now));
            self.save(reading.newest(), resume, now).await?;
        }
        Ok(())
    }

    async fn save(
        &self,
        changed_at: Option<Timestamp>,
        resume: Option<ChangeMark>,
        polled_at: Timestamp,
    ) -> Result<(), SyncError> {
        let progress = SyncProgress {
            changed_at,
            resume,
            polled_at,
        };
        self.store.save_sync_progress(&self.name, &progress).await?;
        Ok(())
    }

    /// Looks at the tickets that were missing last time, at those whose changes were given up or of which
    /// nothing has been read yet, and from time to time at every open ticket: a ticket that was deleted for good changes no more, so a
    /// poll cannot find it. Many tickets are looked at in several polls, so that no poll waits for all
    /// of them.
    pub(super) async fn sweep(&self, memory: &mut Memory) -> Result<(), SyncError> {
        match memory.polls_to_sweep.checked_sub(1) {
            Some(left) => memory.polls_to_sweep = left,
            None => {
                memory.polls_to_sweep = POLLS_PER_SWEEP - 1;
                memory.swept_to.get_or_insert_default();
            }
        }
        let mut ids: BTreeSet<String> = memory.missing.clone();
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
        for one in &seen {
            memory.missing.remove(&one.ticket_id);
        }
        self.apply_all(&seen).await?;
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
        for id in missing.into_iter().filter(is_judged) {
            if memory.missing.remove(&id) {
                self.apply(&gone(id)).await?;
            } else {
                memory.missing.insert(id);
            }
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

    /// Applies what is new in `seen`. What was read before, which the overlap of polls brings, costs
    /// a part of one query.
    async fn apply_all(&self, seen: &[TicketSnapshot]) -> Result<(), StoreError> {
        let recognised = self
            .store
            .recognise(&self.name, seen, self.closes())
            .await?;
        let mut new = Vec::new();
        for (one, recognised) in seen.iter().zip(recognised) {
            match recognised {
                Recognised::NotOurs => self.metrics.ticket_change(&self.name, "not_ours"),
                Recognised::Known(effect) => {
                    self.metrics.ticket_change(&self.name, effect.as_str());
                }
                Recognised::New => new.push(one),
            }
        }
        for some in new.chunks(TICKETS_PER_TRANSACTION) {
            self.apply_new(some).await?;
        }
        Ok(())
    }

    async fn apply_new(&self, seen: &[&TicketSnapshot]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let applied = self
            .store
            .apply_snapshots(&self.name, seen, self.closes(), now)
            .await?;
        for (one, applied) in seen.iter().zip(applied) {
            if let Some(applied) = applied {
                self.report(one, &applied);
                continue;
            }
            match self.apply(one).await {
                Err(error) if error.is_about_content() => tracing::error!(
                    target = self.name.as_str(), ticket = one.ticket_id, %error,
                    "the change of a ticket cannot be stored; it is skipped"
                ),
                done => done?,
            }
        }
        Ok(())
    }

    fn closes(&self) -> bool {
        self.settings.on_ticket_closed == OnTicketClosed::Close
    }

    async fn apply(&self, seen: &TicketSnapshot) -> Result<(), StoreError> {
        let applied = self
            .store
            .apply_snapshot(&self.name, seen, self.closes(), self.clock.now())
            .await?;
        let Some(applied) = applied else {
            self.metrics.ticket_change(&self.name, "not_ours");
            return Ok(());
        };
        self.report(seen, &applied);
        Ok(())
    }

    fn report(&self, seen: &TicketSnapshot, applied: &AppliedSnapshot) {
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
    }
}

/// Where a poll begins, after what was read before.
fn begin(progress: Option<SyncProgress>, oldest: Timestamp) -> ChangeMark {
    let Some(progress) = progress else {
        return ChangeMark::from(oldest.minus(MAX_CLOCK_DIFFERENCE));
    };
    // A version of before this column has stored the newest change only.
    let resume = progress.resume.or_else(|| {
        let mut reading = ChangeReading::begin(&ChangeMark::from(Timestamp::from_millis(0)));
        reading.note(progress.changed_at?);
        Some(reading.next_poll())
    });
    resume.unwrap_or_else(|| ChangeMark::from(oldest.minus(MAX_CLOCK_DIFFERENCE)))
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
