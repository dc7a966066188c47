//! A bar on the terminal that shows how much is done, how fast, and how long the rest takes.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shortest time between two drawings.
const REDRAW_EVERY: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: u64 = 40;
/// To the beginning of the line, and nothing on it.
const CLEAR: &str = "\r\x1b[2K";

/// How many events of how many are done. Drawn on standard error, if that is a terminal.
#[derive(Debug)]
pub struct Progress {
    total: u64,
    done: AtomicU64,
    started: Instant,
    /// Milliseconds after the start at which it was drawn last.
    drawn_at: AtomicU64,
    is_shown: bool,
}

impl Progress {
    /// Nothing of `total` is done.
    pub fn new(total: u64) -> Self {
        Self {
            total,
            done: AtomicU64::new(0),
            started: Instant::now(),
            drawn_at: AtomicU64::new(0),
            is_shown: std::io::stderr().is_terminal(),
        }
    }

    /// So many more are done.
    pub fn add(&self, count: u64) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        let elapsed = self.started.elapsed();
        if self.is_shown && self.is_due(elapsed) {
            draw(&format!("{CLEAR}{}", line(done, self.total, elapsed)));
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if self.is_shown {
            draw(CLEAR);
        }
    }

    /// Whether it is time to draw again; true for one caller only.
    fn is_due(&self, elapsed: Duration) -> bool {
        let now = millis(elapsed);
        let last = self.drawn_at.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= millis(REDRAW_EVERY);
        due && self
            .drawn_at
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

fn draw(text: &str) {
    let mut err = std::io::stderr();
    // A bar that cannot be shown stops nothing.
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

fn line(done: u64, total: u64, elapsed: Duration) -> String {
    let filled = usize::try_from(done.min(total) * WIDTH / total.max(1)).unwrap_or(0);
    let empty = usize::try_from(WIDTH).unwrap_or(0) - filled;
    let per_second = done * 1000 / millis(elapsed).max(1);
    let left = total.saturating_sub(done) / per_second.max(1);
    format!(
        "{}{} {done}/{total} events  {per_second}/s  {left} s left",
        "█".repeat(filled),
        "░".repeat(empty)
    )
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_share_speed_and_rest() {
        let half = line(500, 1000, Duration::from_secs(2));
        let bar = format!("{}{}", "█".repeat(20), "░".repeat(20));
        assert_eq!(half, format!("{bar} 500/1000 events  250/s  2 s left"));
        let none = line(0, 0, Duration::ZERO);
        assert!(none.ends_with("0/0 events  0/s  0 s left"), "{none}");
    }
}
