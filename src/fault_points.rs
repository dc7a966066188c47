//! Points at which a test kills the process as a power cut would, stops it, or makes it panic.
//!
//! Without the feature `fault-points` a call does nothing. May be called from anywhere; imports
//! nothing.

/// Kills the process here if `RINGDOWN_FAULT_POINT` says so: `NAME` when the point is reached for
/// the first time, `NAME:3` for the third. `NAME:3:stop` stops the process until it gets SIGCONT.
/// `NAME:3:panic` panics the third time, `NAME:3:panic:5` five times from then on. Several entries
/// are separated by commas.
#[cfg(feature = "fault-points")]
pub(crate) fn reach(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Wanted {
        name: String,
        time: u32,
        how: Option<String>,
        panics: u32,
        reached: AtomicU32,
    }
    static WANTED: LazyLock<Vec<Wanted>> = LazyLock::new(|| {
        let wanted = std::env::var("RINGDOWN_FAULT_POINT").unwrap_or_default();
        let points = wanted.split(',').map(|point| {
            let mut parts = point.split(':');
            Wanted {
                name: parts.next().unwrap_or_default().to_owned(),
                time: parts.next().map_or(1, |time| time.parse().unwrap_or(1)),
                how: parts.next().map(str::to_owned),
                panics: parts.next().map_or(1, |count| count.parse().unwrap_or(1)),
                reached: AtomicU32::new(0),
            }
        });
        points.collect()
    });

    let Some(wanted) = WANTED.iter().find(|wanted| wanted.name == name) else {
        return;
    };
    let time = wanted.reached.fetch_add(1, Ordering::SeqCst) + 1;
    match wanted.how.as_deref() {
        Some("panic") => {
            let panics = (wanted.time..wanted.time.saturating_add(wanted.panics)).contains(&time);
            assert!(!panics, "a test asked for it");
        }
        _ if time != wanted.time => {}
        Some("stop") => send_signal("-STOP"),
        _ => die(),
    }
}

#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub(crate) const fn reach(_name: &str) {}

/// SIGKILL cannot be caught: no destructor runs and no file is flushed.
#[cfg(feature = "fault-points")]
fn die() {
    send_signal("-KILL");
    loop {
        std::thread::park();
    }
}

#[cfg(feature = "fault-points")]
fn send_signal(signal: &str) {
    let own = std::process::id().to_string();
    let _ = std::process::Command::new("kill")
        .args([signal, &own])
        .status();
}
