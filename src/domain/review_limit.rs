//! Which open review items of one source are dropped when there are too many.
//!
//! An item beyond the limit drops the oldest item with the same reason, so that a flood of one kind
//! pushes out its own kind. An item with a new reason drops the oldest item of the most frequent
//! reason.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Open items of one source with one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    pub reason: String,
    /// All of them, the new ones included.
    pub count: u64,
    /// The id of the oldest item.
    pub oldest: i64,
}

/// How many of the oldest items to drop, by reason. `newest` counts the items beyond the limit by
/// reason; as many are dropped.
pub fn drops(groups: &[ReasonCount], newest: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut drops: BTreeMap<String, u64> = BTreeMap::new();
    let mut from_most_frequent = 0;
    let mut left: BinaryHeap<(u64, Reverse<i64>, &str)> = BinaryHeap::new();
    for group in groups {
        let new = newest.get(&group.reason).copied().unwrap_or(0);
        let is_known = group.count > new;
        // The first item of a new reason has no older item of its kind to drop.
        let of_equals = if is_known { new } else { new.saturating_sub(1) };
        from_most_frequent += new - of_equals;
        if of_equals > 0 {
            drops.insert(group.reason.clone(), of_equals);
        }
        left.push((
            group.count.saturating_sub(of_equals),
            Reverse(group.oldest),
            &group.reason,
        ));
    }
    for _ in 0..from_most_frequent {
        let Some((count, oldest, reason)) = left.pop() else {
            break;
        };
        if count == 0 {
            break;
        }
        *drops.entry(reason.to_owned()).or_default() += 1;
        left.push((count - 1, oldest, reason));
    }
    drops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(of: &[(&str, u64, i64)]) -> Vec<ReasonCount> {
        of.iter()
            .map(|(reason, count, oldest)| ReasonCount {
                reason: (*reason).to_owned(),
                count: *count,
                oldest: *oldest,
            })
            .collect()
    }

    fn counts(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
        of.iter()
            .map(|(reason, count)| ((*reason).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_flood_of_a_known_reason_drops_its_own_kind() {
        let groups = groups(&[("flood", 1_001, 5), ("rare", 3, 1), ("common", 9_000, 2)]);
        let drops = drops(&groups, &counts(&[("flood", 1_000)]));
        assert_eq!(drops, counts(&[("flood", 1_000)]));
    }

    #[test]
    fn a_flood_of_a_new_reason_costs_the_most_frequent_reason_one_item() {
        let groups = groups(&[
            ("flood", 1_000, 9_100),
            ("rare", 3, 1),
            ("common", 9_000, 2),
        ]);
        let drops = drops(&groups, &counts(&[("flood", 1_000)]));
        assert_eq!(drops, counts(&[("common", 1), ("flood", 999)]));
    }

    #[test]
    fn a_flood_of_ever_new_reasons_drops_what_is_frequent_first_and_then_what_is_oldest() {
        let groups = groups(&[
            ("common", 3, 2),
            ("rare", 1, 1),
            ("new-1", 1, 10),
            ("new-2", 1, 11),
            ("new-3", 1, 12),
            ("new-4", 1, 13),
        ]);
        let newest = counts(&[("new-1", 1), ("new-2", 1), ("new-3", 1), ("new-4", 1)]);
        let drops = drops(&groups, &newest);
        assert_eq!(drops, counts(&[("common", 3), ("rare", 1)]));
    }

    #[test]
    fn as_many_are_dropped_as_are_beyond_the_limit() {
        let groups = groups(&[("a", 40, 1), ("b", 7, 2), ("c", 5, 3)]);
        let newest = counts(&[("a", 10), ("b", 7), ("c", 1)]);
        assert_eq!(drops(&groups, &newest).values().sum::<u64>(), 18);
    }
}
