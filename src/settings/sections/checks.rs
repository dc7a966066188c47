//! Checks that concern several sections, once each section is fine by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::maintenance::MaintenanceSettings;
use super::root::Settings;
use super::rules::OnRecovery;
use crate::domain::polling::{STATUS_EVENT, STATUS_SOURCE};
use crate::domain::silence::Matcher;
use crate::normalise::Format;
use crate::settings::read::Reading;
use crate::settings::value::Value;

/// Checks `settings`, and adds the rule of `own_trouble`.
pub(crate) fn complete(reading: &Reading<'_>, mut settings: Settings) -> Settings {
    check_listeners(reading, &settings);
    warn_of_unresolvable(reading, &settings);
    warn_of_same_place(reading, &settings);
    warn_of_same_windows(reading, &settings.maintenance);
    warn_of_unread_answers(reading, &settings);
    match settings.own_trouble.as_ref().map(|own| own.rule()) {
        None => warn_of_unreported_silence(reading, &settings),
        Some(Ok(rule)) => settings.rules.push(rule),
        Some(Err(reason)) => reading.problem("own_trouble", reason.to_string().into(), None),
    }
    settings
}

/// Warns of `section.name.key` at the place where it is set.
fn warn(reading: &Reading<'_>, section: &str, name: &str, key: &str, reason: impl Into<String>) {
    let origin = reading
        .value_at(&[section, name, key])
        .and_then(Value::origin);
    reading.warn(&format!("{section}.{name}.{key}"), reason, origin);
}

/// Two listeners cannot share a port.
fn check_listeners(reading: &Reading<'_>, settings: &Settings) {
    let (server, admin) = (settings.server.listen, settings.admin.listen);
    if collide(server, admin) {
        let reason = format!("{admin} is taken by server.listen ({server})");
        reading.problem("admin.listen", reason.into(), None);
    }
}

fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && overlap
}

/// A rule that resolves tickets needs fields that resolve them.
fn warn_of_unresolvable(reading: &Reading<'_>, settings: &Settings) {
    for rule in &settings.rules {
        let unresolvable = rule.targets.names().find(|name| {
            let target = settings.targets.get(*name);
            target.is_some_and(|target| target.resolve.is_empty())
        });
        if let (OnRecovery::Resolve, Some(target)) = (rule.on_recovery, unresolvable) {
            let reason =
                format!("targets.{target} has no `resolve` fields: its tickets get a comment only");
            warn(reading, "rules", &rule.name, "on_recovery", reason);
        }
    }
}

/// Two targets for the same records are most often one too many.
fn warn_of_same_place(reading: &Reading<'_>, settings: &Settings) {
    let mut places = BTreeMap::new();
    for name in reading.names("targets").unwrap_or_default() {
        let Some(target) = settings.targets.get(name) else {
            continue;
        };
        let place = (
            target.base_url.as_str(),
            target.own.text(target.kind.records),
        );
        if let Some(other) = places.insert(place, name) {
            let reason = format!("the same address and `{}` as targets.{other}", place.1);
            warn(reading, "targets", name, "base_url", reason);
        }
    }
}

/// Without own trouble nothing is done about a source that is silent.
fn warn_of_unreported_silence(reading: &Reading<'_>, settings: &Settings) {
    for (name, source) in &settings.sources {
        if source.expect_every.is_some() {
            let reason = "has no effect without [own_trouble]";
            warn(reading, "sources", name, "expect_every", reason);
        }
    }
}

/// What the Platform API or the status page is asked for, and nothing looks at.
fn warn_of_unread_answers(reading: &Reading<'_>, settings: &Settings) {
    let Some(enrichment) = &settings.enrichment else {
        return;
    };
    let warn = |key: &str, reason: String| {
        let origin = reading.value_at(&["enrichment", key]);
        let origin = origin.and_then(Value::origin);
        reading.warn(&format!("enrichment.{key}"), reason, origin);
    };
    for name in &enrichment.poll_sources {
        let source = settings.sources.get(name);
        if source.is_some_and(|source| source.format != Format::Genesys) {
            let reason = format!("sources.{name} is not of the format genesys: it is not polled");
            warn("poll_sources", reason);
        }
    }
    let mut rules = settings.rules.iter();
    let is_read = rules.any(|rule| rule.looks_at(STATUS_SOURCE, STATUS_EVENT));
    if enrichment.status_page.is_some() && !is_read {
        let reason = format!("has no effect: no rule without `sources` looks at {STATUS_EVENT}");
        warn("status_page", reason);
    }
}

/// Two windows for the same breaches are allowed, but one of them is often a left-over.
fn warn_of_same_windows(reading: &Reading<'_>, windows: &BTreeMap<String, MaintenanceSettings>) {
    let sorted = |window: &MaintenanceSettings| {
        let mut texts: Vec<String> = window.matchers.iter().map(Matcher::to_string).collect();
        texts.sort_unstable();
        texts
    };
    for (index, (name, window)) in windows.iter().enumerate() {
        let earlier = windows.iter().take(index).find(|(_, other)| {
            sorted(other) == sorted(window) && other.schedule.overlaps(&window.schedule)
        });
        if let Some((other, _)) = earlier {
            let reason = format!("maintenance.{other} has the same matchers and overlaps it");
            warn(reading, "maintenance", name, "match", reason);
        }
    }
}
