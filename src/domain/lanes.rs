//! Round robin over the lanes of a target. A lane holds the deliveries of one source and rule.

use std::collections::BTreeMap;

/// The lane that a claim served last. `claimed` are the lanes of the claimed deliveries; the claim
/// took one of each lane in turn, in order, beginning after `after`. `None`: nothing was claimed.
pub fn last_served<'a>(claimed: impl IntoIterator<Item = &'a str>, after: &str) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for lane in claimed {
        *counts.entry(lane).or_default() += 1;
    }
    // Only the lanes of the last round have the highest count, and the round ended with the last of
    // them in round-robin order.
    let last = counts
        .into_iter()
        .max_by_key(|(lane, count)| (*count, *lane <= after, *lane));
    last.map(|(lane, _)| lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_claim_goes_on_after_the_lane_that_was_served_last() {
        for (claimed, after, last) in [
            (vec![], "a", None),
            (vec!["a"], "", Some("a")),
            (vec!["b"], "a", Some("b")),
            (vec!["a", "b", "c"], "", Some("c")),
            // Beginning after b: c, a, b; and c once more.
            (vec!["a", "b", "c"], "b", Some("b")),
            (vec!["a", "b", "c", "c"], "b", Some("c")),
            // A lane that ran dry was served before the one that did not.
            (vec!["a", "b", "a", "a"], "", Some("a")),
            (vec!["c", "a"], "c", Some("c")),
            (vec!["d", "a"], "c", Some("a")),
        ] {
            assert_eq!(
                last_served(claimed.iter().copied(), after),
                last,
                "{claimed:?} after {after}"
            );
        }
    }
}
