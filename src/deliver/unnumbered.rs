//! Tickets whose number is not known yet: the answer to their create did not contain it.
//!
//! The numbers of many tickets are read with one query. A query waits until no further ticket
//! comes, or until it is full, but never for long. A ticket that is forgotten here, because the
//! process ended or the query failed, gets its number from the next poll for changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tickets of one query.
const FULL: usize = 200;
/// No further ticket has come for so long: there is nothing to wait for.
const QUIET: Duration = Duration::from_secs(1);
/// The longest wait of a ticket.
const LONGEST: Duration = Duration::from_secs(10);
/// Tickets that wait at most. Of more than this the poll reads the numbers.
const MAX_WAITING: usize = 10_000;

/// The record ids, oldest first. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Unnumbered {
    waiting: Arc<Mutex<Waiting>>,
    added: Arc<tokio::sync::Notify>,
}

#[derive(Debug, Default)]
struct Waiting {
    ids: Vec<String>,
    times: Option<Times>,
}

/// When the first and the last of the waiting tickets came.
#[derive(Debug, Clone, Copy)]
struct Times {
    first: Instant,
    last: Instant,
}

impl Unnumbered {
    pub(super) fn add(&self, ticket_id: String, now: Instant) {
        let mut waiting = self.waiting();
        if waiting.ids.len() < MAX_WAITING {
            waiting.ids.push(ticket_id);
            let first = waiting.times.map_or(now, |times| times.first);
            waiting.times = Some(Times { first, last: now });
        }
        drop(waiting);
        self.added.notify_one();
    }

    /// The tickets of the query that is due.
    pub(super) fn take_due(&self, now: Instant) -> Vec<String> {
        let mut waiting = self.waiting();
        if waiting.due_in(now) != Some(Duration::ZERO) {
            return Vec::new();
        }
        let count = waiting.ids.len().min(FULL);
        let due = waiting.ids.drain(..count).collect();
        if waiting.ids.is_empty() {
            waiting.times = None;
        }
        due
    }

    /// Waits until a query is due.
    pub(super) async fn until_due(&self) {
        loop {
            let due_in = self.waiting().due_in(Instant::now());
            match due_in {
                Some(Duration::ZERO) => return,
                Some(wait) => tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.added.notified() => {}
                },
                None => self.added.notified().await,
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Losing an id of half a change costs nothing: the poll reads the number.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// `None` when nothing waits.
    fn due_in(&self, now: Instant) -> Option<Duration> {
        let times = self.times?;
        if self.ids.len() >= FULL {
            return Some(Duration::ZERO);
        }
        let due_at = (times.last + QUIET).min(times.first + LONGEST);
        Some(due_at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the queries about so many tickets that come at `per_second`, and the longest
    /// wait of one.
    fn queries(tickets: u32, per_second: u32) -> (Vec<usize>, Duration) {
        let (unnumbered, begin) = (Unnumbered::default(), Instant::now());
        let (mut sizes, mut came, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
        let between = Duration::from_secs(1) / per_second;
        for step in 0..tickets + 20 * per_second {
            let now = begin + between * step;
            if step < tickets {
                unnumbered.add(step.to_string(), now);
                came.push(now);
            }
            let due = unnumbered.take_due(now);
            if !due.is_empty() {
                let oldest = due[0].parse::<usize>().unwrap();
                longest = longest.max(now - came[oldest]);
                sizes.push(due.len());
            }
        }
        (sizes, longest)
    }

    #[test]
    fn the_numbers_of_a_storm_cost_three_queries() {
        let (sizes, longest) = queries(500, 25);
        assert_eq!(sizes, [200, 200, 100]);
        assert!(longest <= LONGEST);
    }

    #[test]
    fn no_ticket_waits_for_long_however_slowly_others_come() {
        let (sizes, longest) = queries(60, 2);
        assert_eq!(sizes.iter().sum::<usize>(), 60);
        assert!(sizes.len() <= 4, "{sizes:?}");
        assert!(longest <= LONGEST, "{longest:?}");
    }

    #[test]
    fn a_single_ticket_waits_for_a_second() {
        let (unnumbered, now) = (Unnumbered::default(), Instant::now());
        unnumbered.add("a".to_owned(), now);
        assert!(unnumbered.take_due(now).is_empty());
        assert_eq!(unnumbered.take_due(now + QUIET), ["a"]);
        assert!(unnumbered.take_due(now + LONGEST).is_empty());
    }
}
