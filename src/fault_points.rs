//! Points at which a test lets the process die, as a power cut would, or stand still.
//!
//! Without the feature `fault-points` every call here is nothing. May be called from anywhere;
//! imports nothing.

/// Dies here, if `RINGDOWN_FAULT_POINT` says so: `NAME` for the first time that this is
/// reached, `NAME:3` for the third. With `NAME:3:stop` it stands still until somebody sends
/// SIGCONT.
#[cfg(feature = "fault-points")]
pub fn reach(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Wanted {
        name: String,
        time: u32,
        stop: bool,
    }
    static WANTED: LazyLock<Option<Wanted>> = LazyLock::new(|| {
        let wanted = std::env::var("RINGDOWN_FAULT_POINT").ok()?;
        let mut parts = wanted.split(':');
        Some(Wanted {
            name: parts.next()?.to_owned(),
            time: parts.next().map_or(1, |time| time.parse().unwrap_or(1)),
            stop: parts.next() == Some("stop"),
        })
    });
    static REACHED: AtomicU32 = AtomicU32::new(0);

    let Some(wanted) = WANTED.as_ref().filter(|wanted| wanted.name == name) else {
        return;
    };
    if REACHED.fetch_add(1, Ordering::SeqCst) + 1 != wanted.time {
        return;
    }
    if wanted.stop {
        signal_oneself("-STOP");
    } else {
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
    signal_oneself("-KILL");
    loop {
        std::thread::park();
    }
}

#[cfg(feature = "fault-points")]
fn signal_oneself(signal: &str) {
    let own = std::process::id().to_string();
    let _ = std::process::Command::new("kill")
        .args([signal, &own])
        .status();
}
