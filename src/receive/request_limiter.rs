//! Limits how many requests are in flight and how much memory their bodies have, for all senders.
//!
//! Each sender (a source, or a target that calls back) has a part of both that is kept for it,
//! so that no other can take everything. When nothing is left, a request that is still waited
//! for is dropped: `shedding` says which. A request that is complete when its handler looks at it
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
use super::quota::{Account, Grant, Pool};
use super::shedding::{self, Resource};
use super::wait_list::{Grants, WaitList, WaitingRequest};
use crate::settings::ServerSettings;

/// At most so many requests are dropped to make room for one.
const MAX_DROPPED_FOR_ONE: usize = 64;

/// Why a request does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// There is nothing left, and no request that could be dropped instead.
    Full(Resource),
    /// It was the slowest when there was nothing left.
    Displaced(Resource),
    /// It did not come in time.
    TooSlow,
}

/// The shared limits. A sender is given as its index among all of them.
pub(super) struct RequestLimiter {
    slots: Pool,
    memory: Pool,
    senders: Vec<Sender>,
    body_timeout: Duration,
}

#[derive(Default)]
struct Sender {
    slots: Account,
    memory: Account,
    waiting: Mutex<WaitList>,
}

/// Lets one request be in flight, and accounts for the memory of its body. Released on drop.
pub(super) struct RequestPermit<'a> {
    limiter: &'a RequestLimiter,
    sender: usize,
    origin: Origin<'a>,
    authenticated: bool,
    /// Bytes of memory that it holds.
    memory: usize,
    /// What it holds, unless it is in the list, which then has it.
    grants: Grants,
    listed: Option<Listed>,
}

/// A request's end of its entry in the list.
struct Listed {
    key: u64,
    since: Instant,
    told: oneshot::Receiver<Resource>,
    /// Rings when the body may have become too late.
    timer: Pin<Box<Sleep>>,
}

impl RequestLimiter {
    pub(super) fn new(settings: &ServerSettings, senders: usize) -> Self {
        // One body of the greatest length fits into the half that is not kept for anybody.
        let least_memory = settings.max_body_bytes.saturating_mul(2);
        Self {
            slots: Pool::new(settings.max_in_flight, senders),
            memory: Pool::new(settings.body_memory.max(least_memory), senders),
            senders: std::iter::repeat_with(Sender::default)
                .take(senders)
                .collect(),
            body_timeout: settings.body_timeout,
        }
    }

    /// A permit for a request of `sender`. If no slot is left, a slower request loses its own.
    pub(super) fn acquire<'a>(
        &'a self,
        sender: usize,
        origin: Origin<'a>,
    ) -> Result<RequestPermit<'a>, Rejected> {
        let slot = self.take(sender, Resource::Slots, 1)?;
        Ok(RequestPermit {
            limiter: self,
            sender,
            origin,
            authenticated: false,
            memory: 0,
            grants: Grants {
                slot,
                ..Grants::default()
            },
            listed: None,
        })
    }

    fn take(&self, sender: usize, resource: Resource, amount: usize) -> Result<Grant, Rejected> {
        let account = self.senders[sender].account(resource);
        let pool = match resource {
            Resource::Slots => &self.slots,
            Resource::Memory => &self.memory,
        };
        let mut dropped = 0;
        loop {
            if let Some(taken) = pool.take(account, amount) {
                return Ok(taken);
            }
            let missing = pool.missing(account, amount).max(1);
            // Known before any is dropped: who would not suffice is dropped for nothing.
            let victims = self.victims(sender, resource, missing);
            let victims = victims.ok_or(Rejected::Full(resource))?;
            // Another request may take what becomes free, but not for ever.
            dropped += victims.len();
            if dropped > MAX_DROPPED_FOR_ONE {
                return Err(Rejected::Full(resource));
            }
            for (sender, key) in victims {
                self.drop_one(sender, key, resource);
            }
        }
    }

    /// The requests to drop so that `sender` can have `missing` more.
    fn victims(
        &self,
        sender: usize,
        resource: Resource,
        missing: usize,
    ) -> Option<Vec<(usize, u64)>> {
        let senders = self.senders.iter();
        let shared = senders.map(|sender| sender.account(resource).of_shared());
        // Smaller ones would not suffice, however many there are.
        let least = missing.div_ceil(MAX_DROPPED_FOR_ONE);
        let now = Instant::now();
        shedding::victims(sender, missing, shared.collect(), |of, only_shared| {
            let waiting = self.senders[of].waiting();
            shedding::ordered(
                waiting.candidates(now, resource, only_shared, least),
                resource,
            )
        })
    }

    fn drop_one(&self, sender: usize, key: u64, resource: Resource) {
        // It may have arrived, or been dropped, meanwhile.
        let Some(request) = self.senders[sender].waiting().remove(key) else {
            return;
        };
        // Nobody hears it if the request's handler ends just now.
        let _ = request.tell.send(resource);
        self.release(sender, request.grants);
    }

    fn release(&self, sender: usize, grants: Grants) {
        let sender = &self.senders[sender];
        self.slots.release(&sender.slots, grants.slot);
        self.memory.release(&sender.memory, grants.memory);
    }
}

impl Sender {
    fn account(&self, resource: Resource) -> &Account {
        match resource {
            Resource::Slots => &self.slots,
            Resource::Memory => &self.memory,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, WaitList> {
        // Nothing that is done under the lock ends half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestPermit<'_> {
    /// Its sender has shown a credential.
    pub(super) fn authenticated(&mut self) {
        self.authenticated = true;
    }

    /// What `step` comes to, a part of the body. If that has to be waited for, the request can
    /// be dropped from now on until it has [arrived](RequestPermit::arrived).
    pub(super) async fn wait<T>(&mut self, step: impl Future<Output = T>) -> Result<T, Rejected> {
        self.wait_within(self.limiter.body_timeout, step).await
    }

    /// As [`RequestPermit::wait`], with a `limit` of its own.
    pub(super) async fn wait_within<T>(
        &mut self,
        limit: Duration,
        step: impl Future<Output = T>,
    ) -> Result<T, Rejected> {
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
        let listed = self.join_wait_list(limit);
        loop {
            tokio::select! {
                biased;
                done = &mut step => return Ok(done),
                resource = &mut listed.told => {
                    return Err(Rejected::Displaced(resource.unwrap_or(Resource::Slots)));
                }
                () = listed.timer.as_mut() => {}
            }
            let late = shedding::lateness(listed.since.elapsed(), memory);
            if late >= limit {
                return Err(Rejected::TooSlow);
            }
            listed.timer.as_mut().reset(Instant::now() + (limit - late));
        }
    }

    fn join_wait_list(&mut self, limit: Duration) -> &mut Listed {
        let limiter = self.limiter;
        self.listed.get_or_insert_with(|| {
            let since = Instant::now();
            let (tell, told) = oneshot::channel();
            let request = WaitingRequest {
                address: self.origin.address(),
                since,
                authenticated: self.authenticated,
                grants: std::mem::take(&mut self.grants),
                tell,
            };
            Listed {
                key: limiter.senders[self.sender].waiting().insert(request),
                since,
                told,
                timer: Box::pin(sleep(limit)),
            }
        })
    }

    /// Takes `bytes` more of memory for the body.
    pub(super) fn take_memory(&mut self, bytes: usize) -> Result<(), Rejected> {
        let taken = self.limiter.take(self.sender, Resource::Memory, bytes)?;
        self.memory += bytes;
        let Some(listed) = &mut self.listed else {
            self.grants.memory.add(taken);
            return Ok(());
        };
        let mut waiting = self.limiter.senders[self.sender].waiting();
        if let Some(request) = waiting.get_mut(listed.key) {
            request.grants.memory.add(taken);
            return Ok(());
        }
        drop(waiting);
        let grants = Grants {
            memory: taken,
            ..Grants::default()
        };
        self.limiter.release(self.sender, grants);
        // It was dropped before it asked, perhaps for its permit.
        let resource = listed.told.try_recv().unwrap_or(Resource::Memory);
        Err(Rejected::Displaced(resource))
    }

    /// Nothing has to be waited for any more: from now on the request is not dropped.
    pub(super) fn arrived(&mut self) -> Result<(), Rejected> {
        let Some(mut listed) = self.listed.take() else {
            return Ok(());
        };
        let mut waiting = self.limiter.senders[self.sender].waiting();
        if let Some(request) = waiting.remove(listed.key) {
            self.grants = request.grants;
            return Ok(());
        }
        let resource = listed.told.try_recv().unwrap_or(Resource::Slots);
        Err(Rejected::Displaced(resource))
    }
}

impl Drop for RequestPermit<'_> {
    fn drop(&mut self) {
        // Who was dropped holds nothing any more.
        if self.arrived().is_ok() {
            self.limiter.release(self.sender, self.grants);
        }
    }
}

#[cfg(test)]
mod tests;
