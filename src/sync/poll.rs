//! Polls a target for changes, and applies what it finds.

use std::time::Duration;

use super::sweep::MAX_DOUBTED;
use super::worker::{Memory, SyncError, SyncWorker};
use crate::domain::change_feed::{ChangeMark, ChangeReading};
use crate::domain::doubt::ENDS_WITHIN;
use crate::domain::ticket_sync::{ChangeEffect, TicketSnapshot};
use crate::domain::time::Timestamp;
use crate::settings::OnTicketClosed;
use crate::store::{AppliedSnapshot, Recognised, StoreError, SyncProgress};

/// How far the very first poll, which starts from our own clock, reaches back.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(3600);
/// Pages of changes that one poll reads; the next one continues after them.
const MAX_PAGES: usize = 400;
/// Changes that are stored in one transaction. Others who write wait for it.
const TICKETS_PER_TRANSACTION: usize = 64;

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
            memory.missing.retain(|id, _| doubted.contains(id));
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

    /// Applies what is new in `seen`. What was read before, which the overlap of polls brings, costs
    /// a part of one query.
    pub(super) async fn apply_all(&self, seen: &[TicketSnapshot]) -> Result<(), StoreError> {
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

    pub(super) async fn apply(&self, seen: &TicketSnapshot) -> Result<(), StoreError> {
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
