//! Which connections are closed when another needs its permit.
//!
//! Pure: knows addresses and times, not connections.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::time::Instant;

/// Positions of at most `count` connections to close: of the address that has the most of them, the
/// one that is idle longest, and so on. `None` is a connection with a request in flight.
pub(super) fn to_evict(connections: &[(IpAddr, Option<Instant>)], count: usize) -> Vec<usize> {
    let mut by_address: HashMap<IpAddr, (usize, Vec<(Instant, usize)>)> = HashMap::new();
    for (position, (address, idle_since)) in connections.iter().enumerate() {
        let (open, idle) = by_address.entry(*address).or_default();
        *open += 1;
        idle.extend(idle_since.map(|since| (since, position)));
    }
    // With how many open connections of its address each one would be closed.
    let mut candidates = Vec::new();
    for (open, mut idle) in by_address.into_values() {
        idle.sort_unstable();
        let left = (1..=open).rev();
        candidates.extend(left.zip(idle).map(|(left, (since, at))| (left, since, at)));
    }
    candidates.sort_unstable_by_key(|(left, since, _)| (std::cmp::Reverse(*left), *since));
    candidates.truncate(count);
    candidates.into_iter().map(|(_, _, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ONE: &str = "192.0.2.1";
    const OTHER: &str = "192.0.2.2";
    const THIRD: &str = "192.0.2.3";

    /// The connections to close, of those given by address and idle time in seconds.
    fn closed(connections: &[(&str, Option<u64>)], count: usize) -> Vec<usize> {
        let now = Instant::now() + Duration::from_secs(1_000);
        let connections: Vec<_> = connections
            .iter()
            .map(|(address, idle)| {
                let since = idle.map(|seconds| now - Duration::from_secs(seconds));
                (address.parse().unwrap(), since)
            })
            .collect();
        to_evict(&connections, count)
    }

    #[test]
    fn the_longest_idle_is_closed_first() {
        let open = [(ONE, Some(1)), (OTHER, Some(3)), (THIRD, Some(2))];
        assert_eq!(closed(&open, 1), [1]);
        assert_eq!(closed(&open, 2), [1, 2]);
        assert_eq!(closed(&open, 9), [1, 2, 0]);
    }

    #[test]
    fn a_connection_with_a_request_in_flight_is_never_closed() {
        assert!(closed(&[(ONE, None), (ONE, None)], 2).is_empty());
        assert_eq!(closed(&[(ONE, None), (ONE, Some(0))], 2), [1]);
    }

    #[test]
    fn the_address_with_the_most_connections_loses_one_first() {
        let open = [
            (OTHER, Some(9)),
            (ONE, Some(1)),
            (ONE, Some(2)),
            (ONE, Some(3)),
            (OTHER, None),
        ];
        // After one, both addresses have two left: the longest idle of both is next.
        assert_eq!(closed(&open, 1), [3]);
        assert_eq!(closed(&open, 3), [3, 0, 2]);
    }
}
