//! One limit that several senders share: a part is reserved for each, the rest is for all.
//!
//! A sender that takes all it can get leaves the reserved parts to the others. Counts amounts; must
//! not know their meaning.

/// A limit, and the used amount of its shared part.
#[derive(Debug)]
pub(super) struct Pool {
    /// For each sender.
    kept: usize,
    /// For all senders together.
    shared: usize,
    shared_taken: usize,
}

/// An amount that was taken of a pool, by one request or by all of a sender.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grant {
    pub(super) kept: usize,
    pub(super) shared: usize,
}

impl Pool {
    /// Half of `limit` is reserved, in equal parts for each of `senders`.
    pub(super) fn new(limit: usize, senders: usize) -> Self {
        let kept = limit / 2 / senders.max(1);
        Self {
            kept,
            shared: limit - kept * senders,
            shared_taken: 0,
        }
    }

    /// Takes `amount` whole or not at all, first of the sender's reserved part. The sender has
    /// taken `account`.
    pub(super) fn take(&mut self, account: &mut Grant, amount: usize) -> Option<Grant> {
        if self.missing(*account, amount) > 0 {
            return None;
        }
        let kept = amount.min(self.kept - account.kept);
        let grant = Grant {
            kept,
            shared: amount - kept,
        };
        account.add(grant);
        self.shared_taken += grant.shared;
        Some(grant)
    }

    /// How much of `amount` the sender cannot have now.
    pub(super) fn missing(&self, account: Grant, amount: usize) -> usize {
        amount
            .saturating_sub(self.kept - account.kept)
            .saturating_sub(self.shared - self.shared_taken)
    }

    pub(super) fn release(&mut self, account: &mut Grant, grant: Grant) {
        account.kept -= grant.kept;
        account.shared -= grant.shared;
        self.shared_taken -= grant.shared;
    }
}

impl Grant {
    pub(super) fn total(self) -> usize {
        self.kept + self.shared
    }

    pub(super) fn add(&mut self, more: Self) {
        self.kept += more.kept;
        self.shared += more.shared;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_party_alone_has_the_whole_limit() {
        for limit in [1, 2, 7, 1024] {
            let (mut pool, mut account) = (Pool::new(limit, 1), Grant::default());
            let taken: Vec<Grant> = std::iter::from_fn(|| pool.take(&mut account, 1)).collect();
            assert_eq!(taken.len(), limit);
            for one in taken {
                pool.release(&mut account, one);
            }
            assert!(pool.take(&mut account, limit).is_some());
        }
    }

    #[test]
    fn a_party_that_takes_all_it_can_get_leaves_the_others_their_part() {
        let mut pool = Pool::new(1024, 3);
        let (mut greedy, mut other, mut last) =
            (Grant::default(), Grant::default(), Grant::default());
        while pool.take(&mut greedy, 1).is_some() {}
        for account in [&mut other, &mut last] {
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
            let mut pool = Pool::new(limit, 3);
            let mut accounts: [Grant; 3] = Default::default();
            let mut held: Vec<(usize, Grant)> = Vec::new();
            for (sender, amount, release) in steps {
                if release && !held.is_empty() {
                    let (sender, taken) = held.swap_remove(amount % held.len());
                    pool.release(&mut accounts[sender], taken);
                } else if let Some(taken) = pool.take(&mut accounts[sender], amount) {
                    prop_assert_eq!(taken.total(), amount);
                    held.push((sender, taken));
                }
                let total: usize = held.iter().map(|(_, taken)| taken.total()).sum();
                prop_assert!(total <= limit);
            }
            for (sender, taken) in held {
                pool.release(&mut accounts[sender], taken);
            }
            prop_assert_eq!(accounts, [Grant::default(); 3]);
            prop_assert!(pool.take(&mut accounts[0], limit - 2 * (limit / 6)).is_some());
        }
    }
}
