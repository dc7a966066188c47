//! How many requests are in hand and how much memory their bodies have, shared among senders.
//!
//! Each sender (a source, or a target that calls back) has a part of both that is kept for it,
//! so that no other can take everything. When nothing is left, a request that is still waited
//! for is dropped: `shed` says which. A request that is complete when its handler looks at it
//! costs a few counters here; only one that has to be waited for is entered in a list.
//! Must not know: routes, credentials, answers.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

use super::origin::Origin;
use super::quota::{Account, Pool, Taken};
use super::shed::{self, Scarce};
use super::waiting::{Held, Request, Waiting};
use crate::settings::ServerSettings;

/// At most so many requests are dropped to make room for one.
const MAX_DROPPED_FOR_ONE: usize = 64;

/// Why a request does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// There is nothing left, and no request that could be dropped instead.
    Full(Scarce),
    /// It was the slowest when there was nothing left.
    Displaced(Scarce),
    /// It did not come in time.
    TooSlow,
}

/// What is shared. A sender is named by its place among all of them.
pub(super) struct Admission {
    slots: Pool,
    memory: Pool,
    parties: Vec<Party>,
    body_timeout: Duration,
}

#[derive(Default)]
struct Party {
    slots: Account,
    memory: Account,
    waiting: Mutex<Waiting>,
}

/// The place of one request among those in hand, and the memory of its body.
pub(super) struct Slot<'a> {
    admission: &'a Admission,
    party: usize,
    origin: Origin<'a>,
    authenticated: bool,
    /// Bytes of memory that it holds.
    memory: usize,
    /// What it holds, unless it is in the list, which then has it.
    held: Held,
    listed: Option<Listed>,
}

/// A request's end of its entry in the list.
struct Listed {
    key: u64,
    since: Instant,
    told: oneshot::Receiver<Scarce>,
    /// Rings when the body may have become too late.
    timer: Pin<Box<Sleep>>,
}

impl Admission {
    pub(super) fn new(settings: &ServerSettings, parties: usize) -> Self {
        // One body of the greatest length fits into the half that is not kept for anybody.
        let least_memory = settings.max_body_bytes.saturating_mul(2);
        Self {
            slots: Pool::new(settings.max_in_flight, parties),
            memory: Pool::new(settings.body_memory.max(least_memory), parties),
            parties: std::iter::repeat_with(Party::default)
                .take(parties)
                .collect(),
            body_timeout: settings.body_timeout,
        }
    }

    /// A slot for a request of `party`, if need be that of a slower one.
    pub(super) fn enter<'a>(
        &'a self,
        party: usize,
        origin: Origin<'a>,
    ) -> Result<Slot<'a>, Dropped> {
        let slot = self.take(party, Scarce::Slots, 1)?;
        Ok(Slot {
            admission: self,
            party,
            origin,
            authenticated: false,
            memory: 0,
            held: Held {
                slot,
                ..Held::default()
            },
            listed: None,
        })
    }

    fn take(&self, party: usize, scarce: Scarce, amount: usize) -> Result<Taken, Dropped> {
        let account = self.parties[party].account(scarce);
        let pool = match scarce {
            Scarce::Slots => &self.slots,
            Scarce::Memory => &self.memory,
        };
        let mut dropped = 0;
        loop {
            if let Some(taken) = pool.take(account, amount) {
                return Ok(taken);
            }
            let missing = pool.missing(account, amount).max(1);
            // Known before any is dropped: who would not suffice is dropped for nothing.
            let victims = self.victims(party, scarce, missing);
            let victims = victims.ok_or(Dropped::Full(scarce))?;
            // Another request may take what becomes free, but not for ever.
            dropped += victims.len();
            if dropped > MAX_DROPPED_FOR_ONE {
                return Err(Dropped::Full(scarce));
            }
            for (party, key) in victims {
                self.drop_one(party, key, scarce);
            }
        }
    }

    /// Whom to drop so that `party` can have `missing` more.
    fn victims(&self, party: usize, scarce: Scarce, missing: usize) -> Option<Vec<(usize, u64)>> {
        let parties = self.parties.iter();
        let shared = parties.map(|party| party.account(scarce).of_shared());
        // Smaller ones would not suffice, however many there are.
        let least = missing.div_ceil(MAX_DROPPED_FOR_ONE);
        let now = Instant::now();
        shed::victims(party, missing, shared.collect(), |of, only_shared| {
            let waiting = self.parties[of].waiting();
            shed::ordered(waiting.candidates(now, scarce, only_shared, least), scarce)
        })
    }

    fn drop_one(&self, party: usize, key: u64, scarce: Scarce) {
        // It may have arrived, or been dropped, meanwhile.
        let Some(request) = self.parties[party].waiting().remove(key) else {
            return;
        };
        // Nobody hears it if the request's handler ends just now.
        let _ = request.tell.send(scarce);
        self.give_back(party, request.held);
    }

    fn give_back(&self, party: usize, held: Held) {
        let party = &self.parties[party];
        self.slots.give_back(&party.slots, held.slot);
        self.memory.give_back(&party.memory, held.memory);
    }
}

impl Party {
    fn account(&self, scarce: Scarce) -> &Account {
        match scarce {
            Scarce::Slots => &self.slots,
            Scarce::Memory => &self.memory,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that is done under the lock ends half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot<'_> {
    /// Its sender has shown a credential.
    pub(super) fn authenticated(&mut self) {
        self.authenticated = true;
    }

    /// What `step` comes to, a part of the body. If that has to be waited for, the request can
    /// be dropped from now on until it has [arrived](Slot::arrived).
    pub(super) async fn wait<T>(&mut self, step: impl Future<Output = T>) -> Result<T, Dropped> {
        self.wait_within(self.admission.body_timeout, step).await
    }

    /// As [`Slot::wait`], with a `limit` of its own.
    pub(super) async fn wait_within<T>(
        &mut self,
        limit: Duration,
        step: impl Future<Output = T>,
    ) -> Result<T, Dropped> {
        let mut step = pin!(step);
        // Even a body that has come with its head is handed over by hyper only after it was
        // asked for. So a request is looked at twice before it is entered in the list.
        let mut is_second = self.listed.is_some();
        let looking = poll_fn(|context| match step.as_mut().poll(context) {
            Poll::Pending if !is_second => {
                is_second = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            polled => Poll::Ready(polled),
        });
        if let Poll::Ready(done) = looking.await {
            return Ok(done);
        }
        let memory = self.memory;
        let listed = self.enlist(limit);
        loop {
            tokio::select! {
                biased;
                done = &mut step => return Ok(done),
                scarce = &mut listed.told => {
                    return Err(Dropped::Displaced(scarce.unwrap_or(Scarce::Slots)));
                }
                () = listed.timer.as_mut() => {}
            }
            let late = shed::lateness(listed.since.elapsed(), memory);
            if late >= limit {
                return Err(Dropped::TooSlow);
            }
            listed.timer.as_mut().reset(Instant::now() + (limit - late));
        }
    }

    fn enlist(&mut self, limit: Duration) -> &mut Listed {
        let admission = self.admission;
        self.listed.get_or_insert_with(|| {
            let since = Instant::now();
            let (tell, told) = oneshot::channel();
            let request = Request {
                address: self.origin.address(),
                since,
                authenticated: self.authenticated,
                held: std::mem::take(&mut self.held),
                tell,
            };
            Listed {
                key: admission.parties[self.party].waiting().insert(request),
                since,
                told,
                timer: Box::pin(sleep(limit)),
            }
        })
    }

    /// Takes `bytes` more of memory for the body.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Dropped> {
        let taken = self.admission.take(self.party, Scarce::Memory, bytes)?;
        self.memory += bytes;
        let Some(listed) = &mut self.listed else {
            self.held.memory.add(taken);
            return Ok(());
        };
        let mut waiting = self.admission.parties[self.party].waiting();
        if let Some(request) = waiting.get_mut(listed.key) {
            request.held.memory.add(taken);
            return Ok(());
        }
        drop(waiting);
        let held = Held {
            memory: taken,
            ..Held::default()
        };
        self.admission.give_back(self.party, held);
        // It was dropped before it asked, perhaps for its slot.
        let scarce = listed.told.try_recv().unwrap_or(Scarce::Memory);
        Err(Dropped::Displaced(scarce))
    }

    /// Nothing has to be waited for any more: from now on the request is not dropped.
    pub(super) fn arrived(&mut self) -> Result<(), Dropped> {
        let Some(mut listed) = self.listed.take() else {
            return Ok(());
        };
        let mut waiting = self.admission.parties[self.party].waiting();
        if let Some(request) = waiting.remove(listed.key) {
            self.held = request.held;
            return Ok(());
        }
        let scarce = listed.told.try_recv().unwrap_or(Scarce::Slots);
        Err(Dropped::Displaced(scarce))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        // Who was dropped holds nothing any more.
        if self.arrived().is_ok() {
            self.admission.give_back(self.party, self.held);
        }
    }
}

#[cfg(test)]
mod tests;
