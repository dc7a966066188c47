//! The requests of one sender that are being waited for.
//!
//! Whoever takes a request out of the list has to give back what it holds: either its own
//! handler, or who drops it. Must not know which one is dropped.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::quota::Grant;
use super::shedding::{self, Candidate, Resource};

/// At most so many requests, the oldest of those that can be dropped, are compared to find the
/// one to drop.
const MAX_COMPARED: usize = 256;

/// The list, the oldest first. It is as long as there are slots at most.
#[derive(Default)]
pub(super) struct WaitList {
    next: u64,
    requests: BTreeMap<u64, WaitingRequest>,
    /// How many of the requests each client address has.
    addresses: HashMap<IpAddr, usize>,
}

/// What is known of a request while it is waited for.
pub(super) struct WaitingRequest {
    pub(super) address: IpAddr,
    pub(super) since: Instant,
    pub(super) authenticated: bool,
    pub(super) grants: Grants,
    /// Tells its handler that it was dropped.
    pub(super) tell: oneshot::Sender<Resource>,
}

/// What a request has taken.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Grants {
    pub(super) slot: Grant,
    pub(super) memory: Grant,
}

impl Grants {
    pub(super) fn of(&self, resource: Resource) -> Grant {
        match resource {
            Resource::Slots => self.slot,
            Resource::Memory => self.memory,
        }
    }
}

impl WaitingRequest {
    fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    fn is_sheddable(&self, now: Instant) -> bool {
        let memory = self.grants.memory.total();
        shedding::is_sheddable(self.waited(now), memory, self.authenticated)
    }
}

impl WaitList {
    pub(super) fn insert(&mut self, request: WaitingRequest) -> u64 {
        let key = self.next;
        self.next += 1;
        *self.addresses.entry(request.address).or_default() += 1;
        self.requests.insert(key, request);
        key
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.addresses.is_empty()
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut WaitingRequest> {
        self.requests.get_mut(&key)
    }

    /// Takes a request out, unless that was done already.
    pub(super) fn remove(&mut self, key: u64) -> Option<WaitingRequest> {
        let request = self.requests.remove(&key)?;
        if let Some(count) = self.addresses.get_mut(&request.address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&request.address);
            }
        }
        Some(request)
    }

    /// What can be dropped at `now`: requests each of which would free at least `least`, of the
    /// shared part or of both. Others are passed over before any are compared: however many
    /// there are, they protect nobody.
    pub(super) fn candidates(
        &self,
        now: Instant,
        resource: Resource,
        only_shared: bool,
        least: usize,
    ) -> impl Iterator<Item = (u64, Grant, Candidate)> {
        let frees_enough = move |request: &WaitingRequest| {
            let grants = request.grants.of(resource);
            let freed = if only_shared {
                grants.of_shared()
            } else {
                grants.total()
            };
            freed >= least
        };
        self.requests
            .iter()
            .filter(move |(_, request)| frees_enough(request) && request.is_sheddable(now))
            .take(MAX_COMPARED)
            .map(move |(key, request)| {
                let candidate = self.candidate(request, now);
                (*key, request.grants.of(resource), candidate)
            })
    }

    fn candidate(&self, request: &WaitingRequest, now: Instant) -> Candidate {
        Candidate {
            waited: request.waited(now),
            memory: request.grants.memory.total(),
            authenticated: request.authenticated,
            of_address: self.addresses.get(&request.address).copied().unwrap_or(1),
        }
    }
}
