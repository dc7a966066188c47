//! Points at which a test lets the process die, as a power cut would.
//!
//! Without the feature `fault-points` every call here is nothing. May be called from anywhere;
//! imports nothing.

/// Dies here, if `RINGDOWN_FAULT_POINT` says so: `NAME` for the first time that this is
/// reached, `NAME:3` for the third.
#[cfg(feature = "fault-points")]
pub fn reach(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let wanted = std::env::var("RINGDOWN_FAULT_POINT").ok()?;
        Some(match wanted.split_once(':') {
            Some((name, time)) => (name.to_owned(), time.parse().unwrap_or(1)),
            None => (wanted, 1),
        })
    });
    static REACHED: AtomicU32 = AtomicU32::new(0);

    let wanted = WANTED.as_ref().filter(|(wanted, _)| wanted == name);
    if wanted.is_some_and(|(_, time)| REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *time) {
        die();
    }
}

/// Nothing.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub const fn reach(_name: &str) {}

/// No destructor runs and no file is flushed: the signal cannot be caught.
#[cfg(feature = "fault-points")]
fn die() {
    let own = std::process::id().to_string();
    let _ = std::process::Command::new("kill")
        .args(["-9", &own])
        .status();
    loop {
        std::thread::park();
    }
}
