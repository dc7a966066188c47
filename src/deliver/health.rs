//! What this process and the others know of a target, kept where deciding reads it.
//!
//! Written only when it changes. When somebody else has kept that the target is away, this
//! process asks for itself before it sends anything, and then goes on asking: so the word of a
//! replica that died, or of the process before this one, never stands for ever.

use std::time::{Duration, Instant};

use super::worker::TargetWorker;
use crate::domain::failover::{Away, Word, word_on};
use crate::domain::gate::{Gate, GateState};
use crate::domain::time::Timestamp;
use crate::store::{StoreError, TargetHealth};

/// How often what others keep is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is kept of the target, as this process saw it last.
#[derive(Debug, Default)]
pub(super) struct Seen {
    kept: Option<TargetHealth>,
    looked_at: Option<Instant>,
}

impl TargetWorker {
    /// Keeps what is known of the target, and takes in what others know.
    pub(super) async fn share_health(&self, now: Timestamp) -> Result<(), StoreError> {
        self.shared().gate.see_clock(now);
        let is_news = self.look_at_health().await?;
        let Some(health) = self.next_health(is_news, now) else {
            return Ok(());
        };
        if self.store().keep_target_health(&health).await? {
            self.log_health(&health);
            self.shared().health.kept = Some(health);
        } else {
            // Somebody else was faster: that is news.
            self.shared().health.looked_at = None;
        }
        Ok(())
    }

    /// Reads what is kept, when that is due; answers whether somebody else has changed it.
    async fn look_at_health(&self) -> Result<bool, StoreError> {
        let is_due = match self.shared().health.looked_at {
            None => true,
            Some(at) => self.store().is_shared() && at.elapsed() >= LOOK_EVERY,
        };
        if !is_due {
            return Ok(false);
        }
        let kept = self.store().target_health(self.name()).await?;
        let mut shared = self.shared();
        shared.health.looked_at = Some(Instant::now());
        let version = |health: &Option<TargetHealth>| health.as_ref().map_or(0, |one| one.version);
        let is_news = version(&kept) != version(&shared.health.kept);
        shared.health.kept = kept;
        Ok(is_news)
    }

    /// What is to be kept now, if anything is.
    fn next_health(&self, is_news: bool, now: Timestamp) -> Option<TargetHealth> {
        let mut shared = self.shared();
        let kept = shared.health.kept.clone();
        let kept_away = kept.as_ref().and_then(|one| one.away.as_ref());
        let since = shared.gate.away_since();
        match word_on(since.is_some(), kept_away.is_some(), is_news) {
            Word::Agree => {
                let mine = kept.filter(|one| one.replica == self.owner())?;
                let away = mine.away?;
                let state = shared.gate.state();
                (away.state != state).then(|| {
                    let away = Away {
                        state,
                        reason: reason(&shared.last_error),
                        ..away
                    };
                    self.health(Some(away), mine.since, mine.version)
                })
            }
            Word::Say => {
                let version = kept.as_ref().map_or(0, |one| one.version);
                let Some(since) = since else {
                    return Some(self.health(None, now, version));
                };
                // It cannot have been away while somebody else reached it.
                let reached = kept.filter(|one| one.replica != self.owner());
                let since = reached.map_or(since, |one| one.since.max(since)).min(now);
                let away = Away {
                    state: shared.gate.state(),
                    since,
                    reason: reason(&shared.last_error),
                };
                Some(self.health(Some(away), since, version))
            }
            Word::Doubt => {
                if let Some(away) = kept_away
                    && shared.gate.state() != GateState::Paused
                {
                    shared.gate = Gate::said_to_be_away(away.since.min(now));
                }
                None
            }
            Word::TryAgain => {
                shared.gate.hurry();
                None
            }
        }
    }

    fn health(&self, away: Option<Away>, since: Timestamp, before: i64) -> TargetHealth {
        TargetHealth {
            target: self.name().to_owned(),
            away,
            since,
            replica: self.owner().to_owned(),
            version: before + 1,
        }
    }

    fn log_health(&self, health: &TargetHealth) {
        match &health.away {
            Some(away) => tracing::warn!(
                target = self.name(),
                state = away.state.as_str(),
                since = %away.since,
                reason = away.reason,
                "the target cannot be reached"
            ),
            None => tracing::info!(target = self.name(), "the target can be reached again"),
        }
    }
}

fn reason(last_error: &Option<(crate::domain::failure::Failure, Timestamp)>) -> String {
    last_error
        .as_ref()
        .map_or_else(String::new, |(failure, _)| failure.to_string())
}
