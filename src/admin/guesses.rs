//! Wrong admin tokens, counted by the address they come from. Who guesses one after the other is
//! slowed down, and the log says so, but not line by line.
//!
//! A right token is compared first and always works, at once: whoever shares an address with
//! somebody who guesses is not locked out. Answers are delayed only as long as connections are left
//! for others, so many guesses at once are not slowed down; what withstands those is the token.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::http::client_network;

/// Wrong tokens of an address that are answered as such within [`WINDOW`].
const MAX_GUESSES: u32 = 10;
/// For how long they are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered; beyond it the one that began longest ago is forgotten.
const MAX_ADDRESSES: usize = 4096;
/// Lines in the log within [`WINDOW`], whatever number of addresses guess.
const MAX_LINES: u32 = 30;

/// How long the answer waits that a wrong token gets after [`MAX_GUESSES`].
const DELAY: Duration = Duration::from_secs(1);
/// Answers that wait at a time: a quarter of the admin listener's connections.
const MAX_DELAYED: usize = 16;

/// The answers that are delayed at the moment.
#[derive(Debug)]
pub(super) struct Delays {
    places: Semaphore,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            places: Semaphore::new(MAX_DELAYED),
        }
    }
}

impl Delays {
    /// Waits before an answer; not at all when too many wait.
    pub(super) async fn delay(&self) {
        if let Ok(_place) = self.places.try_acquire() {
            tokio::time::sleep(DELAY).await;
        }
    }
}

/// What is counted since a time.
#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    count: u32,
}

/// The wrong tokens of late.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    by_address: HashMap<IpAddr, Window>,
    lines: Option<Window>,
    left_out: u64,
}

/// What is to be done about a wrong token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    /// How long the address has to wait, when it has guessed too often.
    pub(super) wait: Option<Duration>,
    /// Whether the log is to tell; the number of lines that were left out before.
    pub(super) line: Option<u64>,
}

impl Guesses {
    /// A wrong token came from `peer`.
    pub(super) fn note(&mut self, peer: IpAddr, now: Instant) -> Noted {
        let network = client_network(peer);
        if !self.by_address.contains_key(&network) {
            self.make_room(now);
        }
        let window = self.by_address.entry(network).or_insert(Window {
            began: now,
            count: 0,
        });
        window.count_at(now);
        let (count, ends) = (window.count, window.began + WINDOW);
        let is_news = count == 1 || count == MAX_GUESSES + 1;
        Noted {
            wait: (count > MAX_GUESSES).then(|| ends.duration_since(now)),
            line: is_news.then(|| self.take_line(now)).flatten(),
        }
    }

    fn make_room(&mut self, now: Instant) {
        if self.by_address.len() < MAX_ADDRESSES {
            return;
        }
        self.by_address.retain(|_, window| !window.is_over(now));
        if self.by_address.len() < MAX_ADDRESSES {
            return;
        }
        let oldest = self
            .by_address
            .iter()
            .min_by_key(|(_, window)| window.began);
        if let Some(oldest) = oldest.map(|(address, _)| *address) {
            self.by_address.remove(&oldest);
        }
    }

    fn take_line(&mut self, now: Instant) -> Option<u64> {
        let lines = self.lines.get_or_insert(Window {
            began: now,
            count: 0,
        });
        lines.count_at(now);
        if lines.count > MAX_LINES {
            self.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.began) >= WINDOW
    }

    fn count_at(&mut self, now: Instant) {
        if self.is_over(now) {
            *self = Self {
                began: now,
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn only_so_many_answers_are_delayed_at_a_time() {
        let (delays, began) = (Delays::default(), Instant::now());
        let mut delayed = Box::pin(join_all((0..MAX_DELAYED).map(|_| delays.delay())));
        assert_eq!(delayed.as_mut().now_or_never(), None, "they wait");
        assert_eq!(delays.delay().now_or_never(), Some(()), "this one does not");
        delayed.await;
        assert!(began.elapsed() >= DELAY);
        assert_eq!(delays.delay().now_or_never(), None, "there is room again");
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn guess(guesses: &mut Guesses, peer: &str, times: u32, now: Instant) -> Noted {
        let notes = (0..times).map(|_| guesses.note(address(peer), now));
        notes.last().unwrap()
    }

    #[test]
    fn an_address_that_guesses_too_often_waits_until_the_minute_is_over() {
        let (mut guesses, begin) = (Guesses::default(), Instant::now());
        assert_eq!(guess(&mut guesses, "192.0.2.1", 10, begin).wait, None);
        let later = begin + Duration::from_secs(20);
        let wait = guess(&mut guesses, "192.0.2.1", 5, later).wait;
        assert_eq!(wait, Some(Duration::from_secs(40)));
        assert_eq!(guess(&mut guesses, "192.0.2.2", 1, later).wait, None);
        let over = begin + WINDOW;
        assert_eq!(guess(&mut guesses, "192.0.2.1", 10, over).wait, None);
    }

    #[test]
    fn addresses_of_one_owner_count_as_one() {
        for (one, other) in [
            ("2001:db8::1", "2001:db8::2:3:4:5"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            let (mut guesses, now) = (Guesses::default(), Instant::now());
            guess(&mut guesses, one, 10, now);
            assert!(guess(&mut guesses, other, 1, now).wait.is_some(), "{one}");
        }
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        guess(&mut guesses, "2001:db8::1", 10, now);
        assert_eq!(guess(&mut guesses, "2001:db8:0:1::1", 1, now).wait, None);
    }

    #[test]
    fn the_log_tells_when_guessing_begins_and_when_it_is_slowed_down() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let lines = (0..500).filter(|_| guesses.note(address("192.0.2.1"), now).line.is_some());
        assert_eq!(lines.count(), 2);
    }

    #[test]
    fn many_addresses_fill_neither_the_memory_nor_the_log() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let mut lines = 0;
        for number in 0..10_000_u32 {
            let peer = IpAddr::from(number.to_be_bytes());
            lines += usize::from(guesses.note(peer, now).line.is_some());
        }
        assert_eq!(lines, 30);
        assert_eq!(guesses.by_address.len(), MAX_ADDRESSES);
        let next = guesses.note(address("192.0.2.1"), now + WINDOW);
        assert_eq!(
            next.line,
            Some(9_970),
            "the next line says what was left out"
        );
        assert_eq!(guesses.by_address.len(), 1);
    }
}
