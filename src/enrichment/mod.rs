//! Enrichment: names and queue figures from the Genesys Cloud Platform API, for events that contain
//! only ids.
//!
//! Deciding reads answers from memory and asks for more without waiting; a separate worker makes
//! the calls. So a slow or dead Platform API delays no ticket: the ticket is opened without the
//! figures, and an answer that comes later becomes a comment.

mod answers;
mod budget;
mod client;
mod state;
mod worker;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::enrichment::{Names, Standing};
use crate::domain::time::Timestamp;

pub(crate) use client::{ApiError, MAX_QUEUES, PlatformApi};
pub(crate) use state::Answered;
pub(crate) use worker::{EnrichmentWorker, FIRST_REST, MAX_REST, rest_after};

/// Queues that may be asked about at once; beyond it the next ones are not.
const MAX_WANTED: usize = 1_000;

#[derive(Debug, Default)]
struct Shared {
    names: RwLock<Arc<Names>>,
    standings: Mutex<HashMap<String, Standing>>,
    wanted: Mutex<BTreeSet<String>>,
    asked: watch::Sender<u64>,
    answered: watch::Sender<u64>,
}

/// The answers so far, and the way to ask for more. Cheap to clone; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Enrichment {
    shared: Option<Arc<Shared>>,
    fresh_for: Duration,
}

impl Enrichment {
    /// Enrichment whose answers about a queue's standing (its present figures) may be used for
    /// `fresh_for`. The default one has no answers and makes no calls.
    pub fn new(fresh_for: Duration) -> Self {
        Self {
            shared: Some(Arc::default()),
            fresh_for,
        }
    }

    /// The names as last read.
    pub fn names(&self) -> Arc<Names> {
        let shared = self.shared.as_ref();
        shared.map_or_else(Arc::default, |shared| {
            let names = shared.names.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&names)
        })
    }

    /// The standing of `queue_id`, if it is known and fresh at `now`.
    pub fn standing(&self, queue_id: &str, now: Timestamp) -> Option<Standing> {
        let shared = self.shared.as_ref()?;
        let standings = lock(&shared.standings);
        let known = standings.get(queue_id)?;
        (now.since(known.asked_at) <= self.fresh_for).then_some(*known)
    }

    /// Asks for the standing of `queue_id`. Returns at once, whether there will be an answer or
    /// not.
    pub fn want(&self, queue_id: &str) {
        let Some(shared) = &self.shared else { return };
        let mut wanted = lock(&shared.wanted);
        if wanted.len() < MAX_WANTED && wanted.insert(queue_id.to_owned()) {
            shared.asked.send_modify(|count| *count += 1);
        }
    }

    /// Whether calls can be made.
    pub const fn is_on(&self) -> bool {
        self.shared.is_some()
    }

    /// Changes whenever answers have arrived. It never changes when no calls can be made.
    pub fn answered(&self) -> watch::Receiver<u64> {
        match &self.shared {
            Some(shared) => shared.answered.subscribe(),
            None => watch::channel(0).1,
        }
    }
}

impl Shared {
    fn take_wanted(&self, most: usize) -> Vec<String> {
        let mut wanted = lock(&self.wanted);
        let taken: Vec<String> = wanted.iter().take(most).cloned().collect();
        for id in &taken {
            wanted.remove(id);
        }
        taken
    }

    fn keep_names(&self, names: Names) {
        let mut kept = self.names.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Arc::new(names);
    }

    /// Keeps answers and forgets those that are of no use any more.
    fn keep_standings(&self, answers: HashMap<String, Standing>, stale_before: Timestamp) {
        let mut standings = lock(&self.standings);
        standings.retain(|_, one| one.asked_at >= stale_before);
        standings.extend(answers);
        drop(standings);
        self.answered.send_modify(|count| *count += 1);
    }
}

/// The data is plain and whole after every change, whatever panicked meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
