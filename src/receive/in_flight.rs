//! The requests in flight: the amounts that each holds, and which of them are waited for.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::quota::Grant;
use super::shedding::{Candidate, Resource};

/// At most so many requests, the oldest of those that can be dropped, are compared to find the
/// one to drop.
const MAX_COMPARED: usize = 256;

/// The amounts that a request, or all requests of a sender, have taken.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
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

pub(super) struct Request {
    pub(super) sender: usize,
    pub(super) grants: Grants,
    waiting: Option<Waiting>,
}

/// The data of a request while it is waited for.
pub(super) struct Waiting {
    pub(super) address: IpAddr,
    pub(super) since: Instant,
    pub(super) authenticated: bool,
    /// Reports to its handler that it was dropped, and for which resource.
    pub(super) tell: oneshot::Sender<Resource>,
}

/// All requests in flight, the oldest first. There are as many as slots at most.
#[derive(Default)]
pub(super) struct InFlight {
    next: u64,
    requests: BTreeMap<u64, Request>,
    /// How many requests of each sender's client addresses are waited for.
    addresses: HashMap<(usize, IpAddr), usize>,
}

impl InFlight {
    pub(super) fn insert(&mut self, sender: usize, grants: Grants) -> u64 {
        let id = self.next;
        self.next += 1;
        let request = Request {
            sender,
            grants,
            waiting: None,
        };
        self.requests.insert(id, request);
        id
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.addresses.is_empty()
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Request> {
        self.requests.get_mut(&id)
    }

    /// Takes a request out, with the channel to its handler if it was waited for. `None` when
    /// it was dropped before.
    pub(super) fn remove(&mut self, id: u64) -> Option<(Request, Option<Waiting>)> {
        let waiting = self.stop_waiting(id)?;
        Some((self.requests.remove(&id)?, waiting))
    }

    pub(super) fn start_waiting(&mut self, id: u64, waiting: Waiting) {
        if let Some(request) = self.requests.get_mut(&id) {
            let of_address = self.addresses.entry((request.sender, waiting.address));
            *of_address.or_default() += 1;
            request.waiting = Some(waiting);
        }
    }

    /// The request is not waited for any more. `None` when it was dropped before.
    pub(super) fn stop_waiting(&mut self, id: u64) -> Option<Option<Waiting>> {
        let request = self.requests.get_mut(&id)?;
        let waiting = request.waiting.take();
        if let Some(waiting) = &waiting {
            let address = (request.sender, waiting.address);
            if let Some(count) = self.addresses.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    self.addresses.remove(&address);
                }
            }
        }
        Some(waiting)
    }

    /// Requests of `sender` that can be dropped at `now`, each of which would free at least
    /// `least`, of the shared part or of both. Others are passed over before any are compared:
    /// however many there are, they protect nobody.
    pub(super) fn candidates(
        &self,
        sender: usize,
        now: Instant,
        resource: Resource,
        only_shared: bool,
        least: usize,
    ) -> impl Iterator<Item = (u64, Grant, Candidate)> {
        self.requests
            .iter()
            .filter(move |(_, request)| request.sender == sender)
            .filter_map(move |(id, request)| {
                let grant = request.grants.of(resource);
                let freed = match only_shared {
                    true => grant.shared,
                    false => grant.total(),
                };
                let candidate = self.candidate(request, now)?;
                (freed >= least && candidate.is_sheddable()).then_some((*id, grant, candidate))
            })
            .take(MAX_COMPARED)
    }

    fn candidate(&self, request: &Request, now: Instant) -> Option<Candidate> {
        let waiting = request.waiting.as_ref()?;
        let address = (request.sender, waiting.address);
        Some(Candidate {
            waited: now.saturating_duration_since(waiting.since),
            memory: request.grants.memory.total(),
            authenticated: waiting.authenticated,
            of_address: self.addresses.get(&address).copied().unwrap_or(1),
        })
    }
}
