//! When the polled sources last sent something, to this process or to another replica.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::polling::Hearing;
use crate::domain::time::Timestamp;
use crate::store::{Store, StoreError};
use crate::telemetry::{Metrics, SourceCounters};

struct Source {
    name: String,
    counters: SourceCounters,
    /// Events received at the last look.
    count: u64,
    hearing: Hearing,
    /// When the time was last stored for other replicas.
    stored_at: Option<Timestamp>,
}

/// Listens to the sources.
pub(super) struct Listener {
    sources: Vec<Source>,
    after_gap: Duration,
}

impl Listener {
    /// Begins at `now` to listen to `names`.
    pub(super) fn new<'n>(
        names: impl Iterator<Item = &'n String>,
        metrics: &Metrics,
        after_gap: Duration,
        now: Timestamp,
    ) -> Self {
        let sources = names.map(|name| {
            let counters = metrics.source_counters(name);
            Source {
                name: name.clone(),
                count: counters.heard(),
                counters,
                hearing: Hearing {
                    heard_at: now,
                    gap_ended_at: None,
                },
                stored_at: None,
            }
        });
        Self {
            sources: sources.collect(),
            after_gap,
        }
    }

    /// Notes what has come since the last look. With replicas each tells the others, rarely.
    pub(super) async fn look(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let told = match store.is_shared() {
            true => store.last_heartbeats().await?,
            false => BTreeMap::new(),
        };
        for source in &mut self.sources {
            let count = source.counters.heard();
            let has_sent = count != source.count;
            source.count = count;
            if has_sent && store.is_shared() {
                let is_due = |at: Timestamp| now.since(at) >= self.after_gap / 4;
                if source.stored_at.is_none_or(is_due) {
                    store.record_heartbeat(&source.name, now).await?;
                    source.stored_at = Some(now);
                }
            }
            let elsewhere = told.get(&source.name).copied();
            let heard_at = has_sent.then_some(now).max(elsewhere);
            if let Some(heard_at) = heard_at {
                source.hearing = heard(source.hearing, heard_at, self.after_gap);
            }
        }
        Ok(())
    }

    pub(super) fn hearings(&self) -> Vec<Hearing> {
        self.sources.iter().map(|source| source.hearing).collect()
    }
}

/// What is known once an event of the time `heard_at` is known.
fn heard(before: Hearing, heard_at: Timestamp, after_gap: Duration) -> Hearing {
    let was_gap = heard_at.since(before.heard_at) >= after_gap;
    Hearing {
        heard_at: heard_at.max(before.heard_at),
        gap_ended_at: was_gap.then_some(heard_at).or(before.gap_ended_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_ends_with_the_first_event_after_it() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let gap = Duration::from_secs(60);
        let begin = Hearing {
            heard_at: at(0),
            gap_ended_at: None,
        };
        let soon = heard(begin, at(59), gap);
        assert_eq!(soon.gap_ended_at, None);
        let late = heard(soon, at(119), gap);
        assert_eq!(late.gap_ended_at, Some(at(119)));
        let next = heard(late, at(120), gap);
        assert_eq!((next.heard_at, next.gap_ended_at), (at(120), Some(at(119))));
        assert_eq!(
            heard(next, at(30), gap),
            next,
            "another replica heard it before"
        );
    }
}
