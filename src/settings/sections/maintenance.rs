//! `[maintenance.NAME]`: regular times in which no ticket is opened.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::domain::silence::{Matcher, Name};
use crate::rules::{BadSchedule, Repetition, Schedule, wall_clock, zone};
use crate::settings::declare::{Kind, Setting, section, some};
use crate::settings::kinds::{known_name, parsed, positive_duration, text};
use crate::settings::read::{Entry, Fault, Section};

/// How the rule of an outage begins.
const OUTAGE: &str = "outage:";

section! {
    /// `[maintenance.NAME]`.
    pub struct MaintenanceSettings {
        /// a breach is silenced when all match: `rule=queue-wait`, `labels.site!=Berlin`,
        /// `key=~Billing.*`, `source!~test.*`
        matchers as "match": Vec<Matcher> = some("matchers", matcher()).required(),
        /// when it is in force
        schedule: Schedule = Setting::of_keys(schedule),
        /// the reason, for people
        reason: Option<String> = text().optional("none"),
    }
}

section! {
    struct ScheduleKeys {
        /// when it begins
        begins: (Repetition, TimeZone) = Setting::of_keys(begins),
        /// how long it lasts
        duration: Duration = positive_duration().required(),
    }
}

section! {
    struct BeginningKeys {
        /// when it begins: an RFC 5545 recurrence; the shortest frequency is `HOURLY`
        rrule: Option<String> = text().optional("this or `cron`"),
        /// the first beginning, in local time of `time_zone`
        starts: Option<DateTime> = parsed("time without a zone", |text| Ok(wall_clock(text)?))
            .optional("required with `rrule`"),
        /// when it begins: a pattern of five fields
        cron: Option<Repetition> = parsed("text", |text| Ok(Repetition::cron(text)?))
            .optional("this or `rrule`"),
        /// time zone of the beginnings: an IANA name
        time_zone: TimeZone = parsed("text", |text| Ok(zone(text)?)).default("UTC"),
    }
}

fn schedule(section: &Section<'_>, keys: ScheduleKeys) -> Option<Schedule> {
    let (repetition, zone) = keys.begins;
    let schedule = Schedule::new(repetition, keys.duration, zone);
    if schedule.never_ends() {
        section.warn(
            "duration",
            "is as long as the time between two beginnings: the window never ends, and what it \
             matches never opens a ticket",
        );
    }
    Some(schedule)
}

fn begins(section: &Section<'_>, keys: BeginningKeys) -> Option<(Repetition, TimeZone)> {
    let zone = keys.time_zone.clone();
    match repetition(keys) {
        Ok(repetition) => Some((repetition, zone)),
        Err((key, fault)) => {
            section.fault(key, fault);
            None
        }
    }
}

/// By `rrule` and `starts`, or by `cron`. The error says which key is wrong.
fn repetition(keys: BeginningKeys) -> Result<Repetition, (&'static str, Fault)> {
    match (keys.rrule, keys.cron, keys.starts) {
        (Some(_), Some(_), _) => {
            let reason = "a window has either `rrule` or `cron`, not both";
            Err(("cron", reason.into()))
        }
        (None, Some(_), Some(_)) => {
            let reason = "goes with `rrule`; a cron pattern has no beginning";
            Err(("starts", reason.into()))
        }
        (None, Some(cron), None) => Ok(cron),
        (Some(_), None, None) => Err(("starts", "required, but not set".into())),
        (Some(rule), None, Some(starts)) => Repetition::recurrence(&rule, starts, &keys.time_zone)
            .map_err(|bad| ("rrule", bad.into())),
        (None, None, _) => {
            let reason = "required, or `cron`: when does the window begin? Write for example \
                          rrule = \"FREQ=WEEKLY;BYDAY=SU\" with starts = \"2026-01-04T02:00:00\"";
            Err(("rrule", reason.into()))
        }
    }
}

impl From<BadSchedule> for Fault {
    fn from(bad: BadSchedule) -> Self {
        bad.to_string().into()
    }
}

/// A matcher; the source or the rule that it names must be configured.
fn matcher() -> Kind<Matcher> {
    parsed("matcher", |text| {
        Matcher::parse(text).map_err(|error| error.to_string().into())
    })
    .check(names_are_known)
}

fn names_are_known(entry: &Entry<'_>, matcher: &Matcher) -> Result<(), Fault> {
    let Some(wanted) = matcher.wanted() else {
        return Ok(());
    };
    let (one, section, name) = match matcher.name() {
        Name::Source => ("source", "sources", wanted),
        Name::Rule => match wanted.strip_prefix(OUTAGE) {
            Some(name) => ("outage", "outages", name),
            None => ("rule", "rules", wanted),
        },
        Name::Key | Name::Label(_) => return Ok(()),
    };
    match entry.reading.names(section) {
        Some(known) => known_name(one, name, &known),
        None => Ok(()),
    }
}
