//! Points at which a test lets the process die, as a power cut would, stand still, or panic.
//!
//! Without the feature `fault-points` every call here is nothing. May be called from anywhere;
//! imports nothing.

/// Dies here, if `RINGDOWN_FAULT_POINT` says so: `NAME` for the first time that this is
/// reached, `NAME:3` for the third. With `NAME:3:stop` it stands still until somebody sends
/// SIGCONT. With `NAME:3:panic` it panics the third time, with `NAME:3:panic:5` five times from
/// then on. Several are separated by commas.
#[cfg(feature = "fault-points")]
pub fn reach(name: &str) {
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
        Some("stop") => signal_oneself("-STOP"),
        _ => die(),
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
