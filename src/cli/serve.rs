//! `ringdown serve`: the daemon.

use std::process::ExitCode;

use super::outcome::{Failed, Outcome};
use super::{Global, config};
use crate::app::{App, AppOptions};
use crate::clock::Clock;
use crate::outbound::Redactor;
use crate::settings::report::{self, Warnings};
use crate::settings::{Loaded, Problem, Settings};
use crate::telemetry::{self, BadLogSetting, LogOutput, Metrics};

/// Runs until SIGTERM or SIGINT; a second signal ends the process at once.
pub(super) async fn run(global: &Global) -> Outcome {
    survive_hang_up();
    let loaded = config::load_and_try(global)?;
    let metrics = Metrics::new();
    let _log = start_logging(&loaded.settings, &metrics)
        .map_err(|error| Failed::usage(error.to_string()))?;
    warn(&loaded.warnings);
    let warnings = Warnings::default();
    warn_of_rules(loaded.clone(), Warnings::clone(&warnings));
    let mut stop = Box::pin(stop_signal());
    let start = App::start(AppOptions {
        settings: loaded.settings,
        effective: report::effective_json(&loaded.effective),
        files: loaded.files,
        warnings,
        clock: Clock::System,
        metrics,
    });
    let app = tokio::select! {
        started = start => started.map_err(|error| Failed::usage(error.to_string()))?,
        // Nothing was answered yet, and a kill at any moment is harmless.
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    app.run_until(stop).await;
    Ok(ExitCode::SUCCESS)
}

fn warn(warnings: &[Problem]) {
    for warning in warnings {
        let place = warning.place.as_ref().map(tracing::field::display);
        let help = warning.advice();
        tracing::warn!(setting = warning.path, place, help, "{}", warning.reason);
    }
}

/// Tries all rules beside the start, and logs what looks wrong. Nothing waits for it.
fn warn_of_rules(loaded: Loaded, known: Warnings) {
    tokio::task::spawn_blocking(move || {
        let told = loaded.warnings.clone();
        let mut found = config::warnings_of(loaded);
        // Nobody else sets it.
        let _ = known.set(found.clone());
        found.retain(|warning| !told.contains(warning));
        warn(&found);
    });
}

/// Sends the log to standard error. Messages of panics are logged without the secrets of the
/// configuration.
pub(super) fn start_logging(
    settings: &Settings,
    metrics: &Metrics,
) -> Result<LogOutput, BadLogSetting> {
    // Not the redactor of the calls: the code that panics may hold its lock.
    let redactor = Redactor::of(settings);
    let redact = move |message: &str| redactor.text(message).into_owned();
    telemetry::start_logging(&settings.log, metrics, redact)
}

/// Lets SIGHUP, whose default action ends the process without a drain, do nothing from now on.
/// It comes from a terminal that is closed, and from `systemctl reload` where a unit sends it.
fn survive_hang_up() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else {
        return;
    };
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            tracing::warn!(
                "SIGHUP changes nothing: a changed configuration takes effect at the next start"
            );
        }
    });
}

/// Completes at the first SIGTERM or SIGINT after the call. As PID 1 the process has no default
/// action for them, so both are handled here.
pub(super) fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
            tracing::error!("signals cannot be handled; the process stops only when it is killed");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(130);
        });
    }
}
