//! Limits how many requests are in flight and how much memory their bodies have, for all senders.
//!
//! Each sender (a source, or a target that calls back) has a reserved part of both, so that no
//! other can take everything. When nothing is left, an incomplete request is dropped; `shedding`
//! selects it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

use super::in_flight::{Grants, InFlight, Waiting};
use super::origin::Origin;
use super::quota::{Grant, Pool};
use super::shedding::{self, Resource};
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
    state: Mutex<State>,
    body_timeout: Duration,
}

struct State {
    slots: Pool,
    memory: Pool,
    /// The used amounts of each sender.
    accounts: Vec<Grants>,
    in_flight: InFlight,
}

/// Lets one request be in flight, and accounts for the memory of its body. Released on drop.
pub(super) struct RequestPermit<'a> {
    limiter: &'a RequestLimiter,
    id: u64,
    sender: usize,
    origin: Origin<'a>,
    authenticated: bool,
    /// Bytes of memory that it holds.
    memory: usize,
    wait: Option<Wait>,
}

/// A request's side of being waited for.
struct Wait {
    since: Instant,
    dropped: oneshot::Receiver<Resource>,
    /// Rings when the body may have become too late.
    timer: Pin<Box<Sleep>>,
}

impl RequestLimiter {
    pub(super) fn new(settings: &ServerSettings, senders: usize) -> Self {
        // One body of the greatest length fits into the half that is not reserved.
        let least_memory = settings.max_body_bytes.saturating_mul(2);
        let state = State {
            slots: Pool::new(settings.max_in_flight, senders),
            memory: Pool::new(settings.body_memory.max(least_memory), senders),
            accounts: vec![Grants::default(); senders],
            in_flight: InFlight::default(),
        };
        Self {
            state: Mutex::new(state),
            body_timeout: settings.body_timeout,
        }
    }

    /// A permit for a request of `sender`. If no slot is left, a slower request loses its own.
    pub(super) fn acquire<'a>(
        &'a self,
        sender: usize,
        origin: Origin<'a>,
    ) -> Result<RequestPermit<'a>, Rejected> {
        let mut state = self.state();
        let slot = state.take(sender, Resource::Slots, 1)?;
        let grants = Grants {
            slot,
            ..Grants::default()
        };
        Ok(RequestPermit {
            limiter: self,
            id: state.in_flight.insert(sender, grants),
            sender,
            origin,
            authenticated: false,
            memory: 0,
            wait: None,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change under the lock can stop half way, so the state is whole after a panic too.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes `amount`, after dropping slower requests if that is needed.
    fn take(
        &mut self,
        sender: usize,
        resource: Resource,
        amount: usize,
    ) -> Result<Grant, Rejected> {
        let (pool, account) = self.pool_and_account(sender, resource);
        let missing = pool.missing(*account, amount);
        if missing > 0 {
            // Known before any is dropped: if they do not suffice, none is dropped for nothing.
            let victims = self.victims(sender, resource, missing);
            let victims = victims.filter(|victims| victims.len() <= MAX_DROPPED_FOR_ONE);
            for id in victims.ok_or(Rejected::Full(resource))? {
                self.drop_request(id, resource);
            }
        }
        let (pool, account) = self.pool_and_account(sender, resource);
        pool.take(account, amount).ok_or(Rejected::Full(resource))
    }

    fn pool_and_account(&mut self, sender: usize, resource: Resource) -> (&mut Pool, &mut Grant) {
        let account = &mut self.accounts[sender];
        match resource {
            Resource::Slots => (&mut self.slots, &mut account.slot),
            Resource::Memory => (&mut self.memory, &mut account.memory),
        }
    }

    /// The requests to drop so that `sender` can have `missing` more.
    fn victims(&self, sender: usize, resource: Resource, missing: usize) -> Option<Vec<u64>> {
        let accounts = self.accounts.iter();
        let shared = accounts.map(|account| account.of(resource).shared);
        // Smaller ones would not suffice, however many there are.
        let least = missing.div_ceil(MAX_DROPPED_FOR_ONE);
        let now = Instant::now();
        shedding::victims(sender, missing, shared.collect(), |of, only_shared| {
            let candidates = self
                .in_flight
                .candidates(of, now, resource, only_shared, least);
            shedding::ordered(candidates, resource)
        })
    }

    fn drop_request(&mut self, id: u64, resource: Resource) {
        if let Some((request, waiting)) = self.in_flight.remove(id) {
            self.release(request.sender, request.grants);
            if let Some(waiting) = waiting {
                // It has no effect if the request's handler ends just now.
                let _ = waiting.tell.send(resource);
            }
        }
    }

    fn release(&mut self, sender: usize, grants: Grants) {
        let account = &mut self.accounts[sender];
        self.slots.release(&mut account.slot, grants.slot);
        self.memory.release(&mut account.memory, grants.memory);
    }
}

impl RequestPermit<'_> {
    /// Its sender has shown a credential.
    pub(super) fn authenticated(&mut self) {
        self.authenticated = true;
    }

    /// The result of `step`, a part of the body. If that has to be waited for, the request can
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
        // asked for. So a request is looked at twice before it counts as waited for.
        let mut is_second = self.wait.is_some();
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
        let wait = self.start_waiting(limit);
        loop {
            tokio::select! {
                biased;
                done = &mut step => return Ok(done),
                resource = &mut wait.dropped => {
                    return Err(Rejected::Displaced(resource.unwrap_or(Resource::Slots)));
                }
                () = wait.timer.as_mut() => {}
            }
            let late = shedding::lateness(wait.since.elapsed(), memory);
            if late >= limit {
                return Err(Rejected::TooSlow);
            }
            wait.timer.as_mut().reset(Instant::now() + (limit - late));
        }
    }

    fn start_waiting(&mut self, limit: Duration) -> &mut Wait {
        self.wait.get_or_insert_with(|| {
            let since = Instant::now();
            let (tell, dropped) = oneshot::channel();
            let waiting = Waiting {
                address: self.origin.address(),
                since,
                authenticated: self.authenticated,
                tell,
            };
            let mut state = self.limiter.state();
            state.in_flight.start_waiting(self.id, waiting);
            Wait {
                since,
                dropped,
                timer: Box::pin(sleep(limit)),
            }
        })
    }

    /// Takes `bytes` more of memory for the body.
    pub(super) fn take_memory(&mut self, bytes: usize) -> Result<(), Rejected> {
        let mut state = self.limiter.state();
        let grant = state.take(self.sender, Resource::Memory, bytes)?;
        if let Some(request) = state.in_flight.get_mut(self.id) {
            request.grants.memory.add(grant);
            self.memory += bytes;
            return Ok(());
        }
        // It was dropped before, perhaps for its slot, or is the slowest itself.
        let (pool, account) = state.pool_and_account(self.sender, Resource::Memory);
        pool.release(account, grant);
        drop(state);
        Err(self.displaced(Resource::Memory))
    }

    /// Nothing has to be waited for any more: from now on the request is not dropped.
    pub(super) fn arrived(&mut self) -> Result<(), Rejected> {
        if self.wait.is_none()
            || self
                .limiter
                .state()
                .in_flight
                .stop_waiting(self.id)
                .is_some()
        {
            self.wait = None;
            return Ok(());
        }
        Err(self.displaced(Resource::Slots))
    }

    /// The resource that the request was dropped for; `unless_told` if none was given.
    fn displaced(&mut self, unless_told: Resource) -> Rejected {
        let told = self.wait.as_mut().map(|wait| wait.dropped.try_recv());
        Rejected::Displaced(told.and_then(Result::ok).unwrap_or(unless_told))
    }
}

impl Drop for RequestPermit<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        // A request that was dropped holds nothing any more.
        if let Some((request, _)) = state.in_flight.remove(self.id) {
            state.release(request.sender, request.grants);
        }
    }
}

#[cfg(test)]
mod tests;
