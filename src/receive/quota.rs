//! One limit that several senders share: a part is kept for each, the rest is for whoever comes.
//!
//! A sender that takes all it can get leaves the others what is kept for them. Counts what is
//! taken; must not know of what.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit and what is taken of its shared part. Counters guard no other data, so that their
/// order among other memory accesses is of no interest.
pub(super) struct Pool {
    /// Kept for each sender.
    kept: usize,
    /// For any sender.
    shared: usize,
    shared_taken: AtomicUsize,
}

/// What one sender has taken of a pool.
#[derive(Default)]
pub(super) struct Account {
    kept_taken: AtomicUsize,
    shared_taken: AtomicUsize,
}

/// An amount that was taken and has to be given back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grant {
    kept: usize,
    shared: usize,
}

impl Pool {
    /// Half of `limit` is kept, in equal parts for each of `senders`.
    pub(super) fn new(limit: usize, senders: usize) -> Self {
        let kept = limit / 2 / senders.max(1);
        Self {
            kept,
            shared: limit - kept * senders,
            shared_taken: AtomicUsize::new(0),
        }
    }

    /// Takes `amount` whole or not at all, first of what is kept for the sender.
    pub(super) fn take(&self, account: &Account, amount: usize) -> Option<Grant> {
        let kept = account.take_kept(amount, self.kept);
        let shared = amount - kept;
        if shared > 0 {
            if !take_whole(&self.shared_taken, shared, self.shared) {
                account.kept_taken.fetch_sub(kept, Ordering::Relaxed);
                return None;
            }
            account.shared_taken.fetch_add(shared, Ordering::Relaxed);
        }
        Some(Grant { kept, shared })
    }

    /// How much of `amount` the sender cannot have now.
    pub(super) fn missing(&self, account: &Account, amount: usize) -> usize {
        let left =
            |limit: usize, taken: &AtomicUsize| limit.saturating_sub(taken.load(Ordering::Relaxed));
        amount
            .saturating_sub(left(self.kept, &account.kept_taken))
            .saturating_sub(left(self.shared, &self.shared_taken))
    }

    pub(super) fn release(&self, account: &Account, taken: Grant) {
        if taken.kept > 0 {
            account.kept_taken.fetch_sub(taken.kept, Ordering::Relaxed);
        }
        if taken.shared > 0 {
            account
                .shared_taken
                .fetch_sub(taken.shared, Ordering::Relaxed);
            self.shared_taken.fetch_sub(taken.shared, Ordering::Relaxed);
        }
    }
}

impl Account {
    /// How much of the shared part this sender has.
    pub(super) fn of_shared(&self) -> usize {
        self.shared_taken.load(Ordering::Relaxed)
    }

    /// Takes as much of `amount` as is left of `limit`.
    fn take_kept(&self, amount: usize, limit: usize) -> usize {
        let part = |taken: usize| amount.min(limit - taken.min(limit));
        let before = self
            .kept_taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                Some(taken + part(taken)).filter(|after| *after > taken)
            });
        before.map_or(0, part)
    }
}

impl Grant {
    pub(super) fn total(self) -> usize {
        self.kept + self.shared
    }

    pub(super) fn of_shared(self) -> usize {
        self.shared
    }

    pub(super) fn add(&mut self, more: Self) {
        self.kept += more.kept;
        self.shared += more.shared;
    }
}

fn take_whole(taken: &AtomicUsize, amount: usize, limit: usize) -> bool {
    taken
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(amount).filter(|after| *after <= limit)
        })
        .is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_party_alone_has_the_whole_limit() {
        for limit in [1, 2, 7, 1024] {
            let (pool, account) = (Pool::new(limit, 1), Account::default());
            let taken: Vec<Grant> = std::iter::from_fn(|| pool.take(&account, 1)).collect();
            assert_eq!(taken.len(), limit);
            for one in taken {
                pool.release(&account, one);
            }
            assert!(pool.take(&account, limit).is_some());
        }
    }

    #[test]
    fn a_party_that_takes_all_it_can_get_leaves_the_others_their_part() {
        let pool = Pool::new(1024, 3);
        let (greedy, other, last) = (Account::default(), Account::default(), Account::default());
        while pool.take(&greedy, 1).is_some() {}
        for account in [&other, &last] {
            assert!(pool.take(account, 1024 / 6).is_some());
            assert!(pool.take(account, 1).is_none());
        }
    }

    proptest! {
        /// Whatever is taken and given back, the limit holds and nothing gets lost.
        #[test]
        fn the_limit_holds_and_what_is_given_back_can_be_taken_again(
            limit in 1_usize..100,
            steps in prop::collection::vec((0_usize..3, 1_usize..60, any::<bool>()), 0..60),
        ) {
            let pool = Pool::new(limit, 3);
            let accounts: [Account; 3] = Default::default();
            let mut held: Vec<(usize, Grant)> = Vec::new();
            for (sender, amount, release) in steps {
                if release && !held.is_empty() {
                    let (sender, taken) = held.swap_remove(amount % held.len());
                    pool.release(&accounts[sender], taken);
                } else if let Some(taken) = pool.take(&accounts[sender], amount) {
                    prop_assert_eq!(taken.total(), amount);
                    held.push((sender, taken));
                }
                let total: usize = held.iter().map(|(_, taken)| taken.total()).sum();
                prop_assert!(total <= limit);
            }
            for (sender, taken) in held {
                pool.release(&accounts[sender], taken);
            }
            prop_assert_eq!(accounts.iter().map(Account::of_shared).sum::<usize>(), 0);
            prop_assert!(pool.take(&accounts[0], limit - 2 * (limit / 6)).is_some());
        }
    }
}
