//! Which request is dropped when slots or memory run out. Pure.
//!
//! Only requests that are still waited for can be dropped: to drop one that is complete would
//! free nothing sooner. The slowest goes first. A request counts more if its client address
//! delays many others as well, and while its sender is not authenticated.

use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::quota::Grant;

/// A body is late by the time that it takes longer than at this rate, in bytes per
/// second.
const EXPECTED_RATE: u64 = 1024 * 1024;

/// An authenticated request that is late by less is not dropped: a body in two packets is normal.
const GRACE: Duration = Duration::from_millis(500);

/// How much more a request counts whose sender is not known yet. It is no absolute order: the
/// sender of a signature is known only at the end of the body.
const UNAUTHENTICATED: u128 = 4;

/// The resource that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Slots,
    Memory,
}

/// A request that is not complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Since it was first waited for.
    pub(super) waited: Duration,
    /// Bytes of memory that its body has.
    pub(super) memory: usize,
    pub(super) authenticated: bool,
    /// How many requests of the same client address are waited for.
    pub(super) of_address: usize,
}

/// How much longer than expected a body has taken of which `received` bytes have come.
pub(super) fn lateness(waited: Duration, received: usize) -> Duration {
    let expected = (received as u64).saturating_mul(1_000_000) / EXPECTED_RATE;
    waited.saturating_sub(Duration::from_micros(expected))
}

/// One that can be dropped; the greater one goes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sheddable<K> {
    weight: u128,
    waited: Duration,
    key: K,
    grant: Grant,
}

/// `candidates`, with the amount of `resource` that each holds, in the order of dropping.
pub(super) fn ordered<K: Ord>(
    candidates: impl Iterator<Item = (K, Grant, Candidate)>,
    resource: Resource,
) -> BinaryHeap<Sheddable<K>> {
    let sheddable = |(key, grant, candidate): (K, Grant, Candidate)| Sheddable {
        weight: candidate.weight(resource),
        waited: candidate.waited,
        key,
        grant,
    };
    candidates.map(sheddable).collect()
}

/// The requests to drop so that the sender `own` can have `missing` more; `None` when
/// all that may be dropped is too little. `shared` is each sender's amount of the shared part.
/// `of_sender` are those of a sender that can be dropped, if need be only for the shared part.
pub(super) fn victims<K: Ord>(
    own: usize,
    missing: usize,
    mut shared: Vec<usize>,
    of_sender: impl Fn(usize, bool) -> BinaryHeap<Sheddable<K>>,
) -> Option<Vec<K>> {
    let mut looked_at = BTreeMap::new();
    let mut next_of = |sender: usize| {
        let heap = looked_at
            .entry(sender)
            // A part that is kept for another sender stays reserved for it.
            .or_insert_with(|| of_sender(sender, sender != own));
        heap.pop().map(|victim| (sender, victim))
    };
    let (mut freed, mut victims) = (0, Vec::new());
    while freed < missing {
        let (sender, victim) = next_of(largest_user(own, &shared)).or_else(|| next_of(own))?;
        let of_shared = victim.grant.shared;
        shared[sender] = shared[sender].saturating_sub(of_shared);
        freed += match sender == own {
            true => victim.grant.total(),
            false => of_shared,
        };
        victims.push(victim.key);
    }
    Some(victims)
}

/// The sender that has to give something up for `own`: the one that has the most of the shared
/// part, unless `own` has as much.
pub(super) fn largest_user(own: usize, shared: &[usize]) -> usize {
    let of = |sender: usize| shared.get(sender).copied().unwrap_or_default();
    let largest = (0..shared.len()).max_by_key(|sender| of(*sender));
    largest
        .filter(|largest| of(*largest) > of(own))
        .unwrap_or(own)
}

impl Candidate {
    pub(super) fn is_sheddable(&self) -> bool {
        !self.authenticated || self.late() >= GRACE
    }

    fn late(&self) -> Duration {
        lateness(self.waited, self.memory)
    }

    /// The time that is lost by it, for all that its address keeps waiting.
    fn weight(&self, resource: Resource) -> u128 {
        let memory = match resource {
            Resource::Slots => 1,
            Resource::Memory => self.memory as u128,
        };
        let unknown = if self.authenticated {
            1
        } else {
            UNAUTHENTICATED
        };
        self.late().as_micros() * self.of_address as u128 * unknown * memory
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SLOW: Candidate = Candidate {
        waited: Duration::from_secs(2),
        memory: 100,
        authenticated: false,
        of_address: 1,
    };

    fn dropped(resource: Resource, candidates: &[Candidate]) -> Option<usize> {
        let candidates = candidates.iter().copied().enumerate();
        let sheddable = candidates.filter(|(_, one)| one.is_sheddable());
        let with_grant = sheddable.map(|(key, one)| (key, Grant::default(), one));
        ordered(with_grant, resource).pop().map(|first| first.key)
    }

    #[test]
    fn the_one_that_has_waited_longest_goes_first() {
        let newer = Candidate {
            waited: Duration::from_millis(50),
            ..SLOW
        };
        for candidates in [[SLOW, newer], [newer, SLOW]] {
            let dropped = dropped(Resource::Slots, &candidates).unwrap();
            assert_eq!(candidates[dropped].waited, SLOW.waited);
        }
    }

    #[test]
    fn a_large_body_that_comes_fast_is_not_slow() {
        let large = Candidate {
            waited: Duration::from_millis(2_100),
            memory: 2 * 1024 * 1024,
            ..SLOW
        };
        assert_eq!(dropped(Resource::Slots, &[large, SLOW]), Some(1));
    }

    #[test]
    fn an_address_that_keeps_many_waiting_loses_one_before_an_older_one_of_another() {
        let flood = Candidate {
            waited: Duration::from_millis(500),
            of_address: 1_000,
            ..SLOW
        };
        assert_eq!(dropped(Resource::Slots, &[SLOW, flood]), Some(1));
    }

    #[test]
    fn a_request_without_a_known_sender_goes_before_one_that_is_as_slow() {
        let known = Candidate {
            authenticated: true,
            ..SLOW
        };
        assert_eq!(dropped(Resource::Slots, &[known, SLOW, known]), Some(1));
    }

    #[test]
    fn many_slow_ones_of_one_credential_go_before_a_young_signed_one() {
        let held = Candidate {
            authenticated: true,
            of_address: 1_000,
            ..SLOW
        };
        let young = Candidate {
            waited: Duration::from_millis(20),
            ..SLOW
        };
        assert_eq!(dropped(Resource::Slots, &[young, held]), Some(1));
    }

    #[test]
    fn a_known_sender_that_is_hardly_late_is_never_dropped() {
        let normal = Candidate {
            waited: GRACE - Duration::from_millis(1),
            authenticated: true,
            memory: 0,
            of_address: 1_000,
        };
        for resource in [Resource::Slots, Resource::Memory] {
            assert_eq!(dropped(resource, &[normal]), None);
        }
    }

    #[test]
    fn for_memory_the_large_go_first() {
        let large = Candidate {
            memory: 200_000,
            ..SLOW
        };
        let empty = Candidate {
            memory: 0,
            waited: Duration::from_secs(60),
            ..SLOW
        };
        assert_eq!(dropped(Resource::Memory, &[SLOW, large, empty]), Some(1));
        assert_eq!(dropped(Resource::Slots, &[SLOW, empty]), Some(1));
    }

    #[test]
    fn only_a_party_that_has_more_of_the_shared_part_gives() {
        assert_eq!(largest_user(0, &[0, 700, 3]), 1);
        assert_eq!(largest_user(1, &[0, 700, 3]), 1);
        assert_eq!(largest_user(2, &[3, 3, 3]), 2);
        assert_eq!(largest_user(0, &[0]), 0);
    }

    proptest! {
        /// An older, smaller or less known request of a busier address never outlives one that
        /// is better in every respect.
        #[test]
        fn what_is_better_in_every_respect_stays(
            waited in 0_u64..10_000, memory in 1_usize..1_000, addresses in 1_usize..1_000,
            more_waited in 0_u64..10_000, more_addresses in 0_usize..1_000,
        ) {
            let better = Candidate {
                waited: Duration::from_millis(waited),
                memory,
                authenticated: true,
                of_address: addresses,
            };
            let worse = Candidate {
                waited: Duration::from_millis(waited + more_waited + 1),
                authenticated: false,
                of_address: addresses + more_addresses,
                ..better
            };
            for resource in [Resource::Slots, Resource::Memory] {
                prop_assert_eq!(dropped(resource, &[better, worse]), Some(1));
                prop_assert_eq!(dropped(resource, &[worse, better]), Some(0));
            }
        }
    }
}
