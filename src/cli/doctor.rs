//! `ringdown doctor`: a live pre-flight of every target.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Args;
use futures::future::join_all;
use serde_json::{Value, json};

use super::outcome::{Failed, NOT_FINE, Outcome};
use super::{Global, Output, config, print, table};
use crate::clock::Clock;
use crate::deliver::StoreVault;
use crate::doctor::{Check, DoctorTarget, Outcome as CheckResult, run_checks};
use crate::domain::identity::TargetName;
use crate::outbound::Redactor;
use crate::settings::{Settings, TargetAuth};
use crate::store::Store;
use crate::targets::{self, Crm, TokenVault};

/// Look at every target live, before tickets depend on it.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The targets to look at; all of them when none is named.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Also open a test ticket, update it and resolve it.
    #[arg(long)]
    write: bool,
}

/// Examines the targets. Exit status 1 when a check came out as an error.
pub(super) async fn run(args: DoctorArgs, global: &Global) -> Outcome {
    let settings = config::load(global, config::Offline::default())?.settings;
    let names = chosen(&args.targets, &settings)?;
    let vault = vault(&names, &settings).await?;
    let clock = Clock::System;
    let redactor = Redactor::of(&settings);
    let clients = clients(&names, &settings, &vault, &redactor, &clock)?;
    let chosen_targets: Vec<DoctorTarget<'_>> = clients
        .iter()
        .filter_map(|(name, client)| {
            Some(DoctorTarget {
                name: name.as_str(),
                settings: settings.targets.get(*name)?,
                all_settings: &settings,
                client: client.as_ref(),
                redactor: &redactor,
                write: args.write,
            })
        })
        .collect();
    let examined = join_all(chosen_targets.iter().map(|one| run_checks(one, &clock))).await;
    let mut checks: Vec<Check> = examined.into_iter().flatten().collect();
    // Errors first; of one result, the order in which they were made.
    checks.sort_by_key(|check| check.result);
    report(global.output, &checks);
    let has_error = checks
        .iter()
        .any(|check| check.result == CheckResult::Error);
    Ok(if has_error {
        ExitCode::from(NOT_FINE)
    } else {
        ExitCode::SUCCESS
    })
}

fn chosen<'a>(wanted: &[String], settings: &'a Settings) -> Result<Vec<&'a TargetName>, Failed> {
    let known = &settings.targets;
    if let Some(strange) = wanted
        .iter()
        .find(|name| !known.contains_key(name.as_str()))
    {
        let known: Vec<&str> = known.keys().map(TargetName::as_str).collect();
        return Err(Failed::usage(format!(
            "there is no target {strange}; there are: {}",
            known.join(", ")
        )));
    }
    let is_wanted =
        |name: &&TargetName| wanted.is_empty() || wanted.iter().any(|one| one == name.as_str());
    Ok(known.keys().filter(is_wanted).collect())
}

/// A target's name and its client.
type Named<'a> = (&'a TargetName, Arc<dyn Crm>);

fn clients<'a>(
    names: &[&'a TargetName],
    settings: &Settings,
    vault: &Arc<dyn TokenVault>,
    redactor: &Redactor,
    clock: &Clock,
) -> Result<Vec<Named<'a>>, Failed> {
    let made = names.iter().filter_map(|name| {
        let target = settings.targets.get(*name)?;
        let client = targets::connect(name, target, vault.clone(), redactor, clock);
        Some(
            client
                .map(|client| (*name, client))
                .map_err(|error| Failed::usage(format!("targets.{name}: {error}"))),
        )
    });
    made.collect()
}

/// A refresh may kill the token it was made with, so a login by refresh token goes through the
/// daemon's own store, which keeps the next one. Other logins need no store.
async fn vault(names: &[&TargetName], settings: &Settings) -> Result<Arc<dyn TokenVault>, Failed> {
    let rotates = |name: &&TargetName| {
        let target = settings.targets.get(*name);
        target.is_some_and(|target| matches!(target.auth, TargetAuth::RefreshToken { .. }))
    };
    if !names.iter().any(rotates) {
        return Ok(Arc::new(NothingKept));
    }
    let store = Store::open(settings.store.url.expose())
        .await
        .map_err(|error| {
            Failed::not_fine(format!(
                "the store, which keeps rotated refresh tokens, cannot be opened: {error}"
            ))
        })?;
    let owner = format!("doctor-{}", std::process::id());
    Ok(Arc::new(StoreVault::new(store, Clock::System, owner)))
}

/// For logins that keep nothing.
struct NothingKept;

#[async_trait]
impl TokenVault for NothingKept {
    async fn load(&self, _target: &TargetName) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    async fn save(&self, _target: &TargetName, _sealed: &[u8]) -> Result<(), String> {
        Err("the pre-flight has no store open".to_owned())
    }

    async fn lock(
        &self,
        _target: &TargetName,
        _patience: Duration,
    ) -> Result<Box<dyn Send>, String> {
        Ok(Box::new(()))
    }
}

fn report(output: Output, checks: &[Check]) {
    let items: Vec<Value> = checks.iter().map(|check| json!(check)).collect();
    if output == Output::Json {
        print(&config::pretty(&json!({ "checks": items })));
        return;
    }
    let columns = [
        ("target", "/target"),
        ("check", "/check"),
        ("field", "/field"),
        ("result", "/result"),
        ("message", "/message"),
        ("remedy", "/remedy"),
    ];
    print(&table::render(&items, &columns));
    print(&summary(checks));
}

fn summary(checks: &[Check]) -> String {
    let count = |result| checks.iter().filter(|check| check.result == result).count();
    let some = |number, what: &str| match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    };
    format!(
        "{}, {}, {} skipped",
        some(count(CheckResult::Error), "error"),
        some(count(CheckResult::Warning), "warning"),
        count(CheckResult::Skipped)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_is_one_error() {
        let check = |result| Check {
            target: "salesforce".to_owned(),
            check: "field",
            field: None,
            result,
            message: String::new(),
            remedy: None,
        };
        let (error, warning) = (check(CheckResult::Error), check(CheckResult::Warning));
        let skipped = check(CheckResult::Skipped);
        assert_eq!(summary(&[]), "0 errors, 0 warnings, 0 skipped");
        let one_of_each = [error.clone(), warning.clone(), skipped];
        assert_eq!(summary(&one_of_each), "1 error, 1 warning, 1 skipped");
        let two = [error.clone(), error, warning.clone(), warning];
        assert_eq!(summary(&two), "2 errors, 2 warnings, 0 skipped");
    }
}
