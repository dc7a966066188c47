//! `[maintenance.NAME]`: when no ticket is opened, again and again.

use std::collections::BTreeMap;

use jiff::civil;
use jiff::tz::TimeZone;

use super::entry::{Entry, Fault};
use super::section::Section;
use super::values::{known_name, positive_duration, some, text};
use crate::domain::silence::{Matcher, Name};
use crate::rules::{BadSchedule, Repetition, Schedule, wall_clock, zone};
use crate::settings::MaintenanceSettings;

/// What an outage's rule is called.
const OUTAGE: &str = "outage:";

/// The names that a matcher may want.
pub(super) struct Known<'k> {
    pub(super) sources: &'k [String],
    pub(super) rules: &'k [String],
    pub(super) outages: &'k [String],
}

/// All windows; there need be none.
pub(super) fn maintenance(
    root: &Section<'_>,
    known: &Known<'_>,
) -> Option<BTreeMap<String, MaintenanceSettings>> {
    let read: Vec<_> = root
        .named_children("maintenance")?
        .into_iter()
        .map(|(name, child)| Some((name, window(&child, known)?)))
        .collect();
    let windows: BTreeMap<_, _> = read.into_iter().collect::<Option<_>>()?;
    warn_of_doubles(root, &windows);
    Some(windows)
}

fn window(section: &Section<'_>, known: &Known<'_>) -> Option<MaintenanceSettings> {
    let matchers = section.required("match", some(|entry| matcher(entry, known)));
    let zone = section.or("time_zone", "UTC", |entry| Ok(zone(entry.text()?)?));
    let starts = section.optional("starts", |entry| Ok(wall_clock(entry.text()?)?));
    let duration = section.required("duration", positive_duration);
    let reason = section.optional("reason", text);
    let repetition = repetition(section, starts, zone.as_ref());
    section.finish();
    let schedule = Schedule::new(repetition?, duration?, zone?);
    if schedule.never_ends() {
        section.warn(
            "duration",
            "is as long as the time between two beginnings: the window never ends, and what it \
             matches never opens a ticket",
        );
    }
    Some(MaintenanceSettings {
        matchers: matchers?,
        schedule,
        reason: reason?,
    })
}

/// By `rrule` and `starts`, or by `cron`. `starts` is as it was read.
#[expect(
    clippy::option_option,
    reason = "outer: was it understood; inner: was it set"
)]
fn repetition(
    section: &Section<'_>,
    starts: Option<Option<civil::DateTime>>,
    zone: Option<&TimeZone>,
) -> Option<Repetition> {
    match (section.entry("rrule"), section.entry("cron")) {
        (Some(_), Some(cron)) => {
            cron.fault("a window has either `rrule` or `cron`, not both".into());
            None
        }
        (None, Some(cron)) => {
            if starts.flatten().is_some() {
                let reason = "goes with `rrule`; a cron pattern has no beginning";
                section.fault("starts", reason);
            }
            cron.read(|entry| Ok(Repetition::cron(entry.text()?)?))
        }
        (Some(rule), None) => {
            let Some(starts) = starts? else {
                return section.missing("starts");
            };
            let zone = zone?;
            rule.read(|entry| Ok(Repetition::recurrence(entry.text()?, starts, zone)?))
        }
        (None, None) => {
            let reason = "required, or `cron`: when does the window begin? Write for example \
                          rrule = \"FREQ=WEEKLY;BYDAY=SU\" with starts = \"2026-01-04T02:00:00\"";
            section.fault("rrule", reason);
            None
        }
    }
}

impl From<BadSchedule> for Fault {
    fn from(bad: BadSchedule) -> Self {
        bad.to_string().into()
    }
}

/// A matcher; the source or the rule that it wants must be configured.
fn matcher(entry: &Entry<'_>, known: &Known<'_>) -> Result<Matcher, Fault> {
    let matcher = Matcher::parse(entry.text()?).map_err(|error| error.to_string())?;
    let Some(wanted) = matcher.wanted() else {
        return Ok(matcher);
    };
    let (what, names, name) = match matcher.name() {
        Name::Source => ("source", known.sources, wanted),
        Name::Rule => match wanted.strip_prefix(OUTAGE) {
            Some(name) => ("outage", known.outages, name),
            None => ("rule", known.rules, wanted),
        },
        Name::Key | Name::Label(_) => return Ok(matcher),
    };
    known_name(what, names)(&Entry::new(
        entry.walk,
        entry.path.clone(),
        config::Value::new(None, name),
    ))?;
    Ok(matcher)
}

/// Two windows for the same breaches are allowed, but one of them is often a left-over.
fn warn_of_doubles(root: &Section<'_>, windows: &BTreeMap<String, MaintenanceSettings>) {
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
            let path = format!("maintenance.{name}.match");
            let reason = format!("maintenance.{other} has the same matchers and overlaps it");
            root.walk.warn(&path, reason, None);
        }
    }
}
