//! How many file descriptors the process may have, how many connections that allows, and how
//! many of them may have a request in hand.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::settings::Settings;

/// Most connections to the admin listener. Those of the public listener cannot take them.
pub(super) const ADMIN_CONNECTIONS: usize = 64;

/// What is left for database, log, listeners, and calls that are no target's.
const RESERVED: usize = 128;

/// Raises the soft limit of file descriptors to the hard one; answers the limit that holds then.
pub(super) fn raise_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => {
                let limit = limit.current;
                tracing::warn!(limit, %error, "the limit of file descriptors cannot be raised");
            }
        }
    }
    limit.current.map_or(usize::MAX, |current| {
        usize::try_from(current).unwrap_or(usize::MAX)
    })
}

/// Of all connections at most so many per cent can have a request in hand. One that has is not
/// closed for another; with slow bodies on all of them nobody else would get in.
const IN_FLIGHT_PERCENT: usize = 60;

/// What holds for the public listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_connections: usize,
    pub(super) max_in_flight: usize,
}

impl Limits {
    /// What `settings` want, as far as so many `descriptors` allow it.
    pub(super) fn of(settings: &Settings, descriptors: usize) -> Self {
        let max_connections = public_connections(settings, descriptors);
        let wanted = settings.server.max_in_flight;
        let max_in_flight = in_flight(wanted, max_connections);
        if max_in_flight < wanted {
            tracing::warn!(
                setting = "server.max_in_flight",
                wanted,
                effective = max_in_flight,
                max_connections,
                "at most 60 % of the connections may have a request in progress; raise \
                 server.max_connections or the limit of file descriptors, or lower this"
            );
        }
        Self {
            max_connections,
            max_in_flight,
        }
    }
}

fn in_flight(wanted: usize, connections: usize) -> usize {
    let most = connections.saturating_mul(IN_FLIGHT_PERCENT) / 100;
    wanted.min(most.max(1))
}

/// How many connections the public listener may have with so many `descriptors`.
fn public_connections(settings: &Settings, descriptors: usize) -> usize {
    // A call that goes on and one that waits for the next use of its connection.
    let calls = settings
        .targets
        .values()
        .map(|target| 2 * target.limit.concurrent);
    let available = available(descriptors, calls.sum());
    let wanted = settings.server.max_connections;
    if wanted > available {
        tracing::warn!(
            setting = "server.max_connections",
            wanted,
            available,
            descriptors,
            "there are too few file descriptors for so many connections; raise the limit \
             (ulimit -n, LimitNOFILE)"
        );
    }
    wanted.min(available)
}

/// What is left of `descriptors` for the public listener; with very few of them a quarter.
fn available(descriptors: usize, calls: usize) -> usize {
    let others = RESERVED + ADMIN_CONNECTIONS + calls;
    descriptors
        .saturating_sub(others)
        .max(descriptors / 4)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(available(1_024, 16), 816);
        assert_eq!(available(20_000, 0), 19_808);
        assert_eq!(available(usize::MAX, 0), usize::MAX - 192);
    }

    #[test]
    fn requests_in_hand_leave_connections_for_others() {
        assert_eq!(in_flight(1_024, 2_048), 1_024);
        assert_eq!(in_flight(1_024, 816), 489);
        assert_eq!(in_flight(1_024, 1), 1);
        assert_eq!(in_flight(7, usize::MAX), 7);
    }

    #[test]
    fn few_descriptors_still_allow_some_connections() {
        assert_eq!(available(256, 100), 64);
        assert_eq!(available(0, 0), 1);
    }
}
