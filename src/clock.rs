//! The clock. It is passed as an argument, so that tests can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// A source of the present time. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that a test moves.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until it is moved.
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now.as_millis())))
    }

    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                Timestamp::from_millis(jiff::Timestamp::now().as_millisecond() + shift())
            }
            Self::Manual(now) => Timestamp::from_millis(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; does nothing to the machine's clock.
    pub fn advance(&self, span: Duration) {
        if let Self::Manual(now) = self {
            let moved = self.now().plus(span).as_millis();
            now.store(moved, Ordering::SeqCst);
        }
    }
}

/// The offset of the machine's clock in milliseconds, for tests: the number in the file that
/// `RINGDOWN_CLOCK_OFFSET_FILE` names. It may change at any time.
#[cfg(feature = "fault-points")]
fn shift() -> i64 {
    static FILE: std::sync::LazyLock<Option<std::ffi::OsString>> =
        std::sync::LazyLock::new(|| std::env::var_os("RINGDOWN_CLOCK_OFFSET_FILE"));
    let text = FILE
        .as_ref()
        .and_then(|file| std::fs::read_to_string(file).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(not(feature = "fault-points"))]
const fn shift() -> i64 {
    0
}
