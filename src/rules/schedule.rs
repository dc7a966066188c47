//! When a maintenance window is in force: beginnings by an RFC 5545 recurrence or a cron
//! pattern, a duration, and a time zone. Compiled once at start; the time is passed in.
//!
//! Beginnings are worked out on the wall clock and only then placed in the zone, as RFC 5545
//! says: one that the clock jumps over comes as much later (02:30 becomes 03:30), and of one
//! that comes twice the first counts. The duration is time that passes.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::SignedDuration;
use jiff::civil;
use jiff::tz::TimeZone;
use rrule::{Frequency, RRule, RRuleSet, Tz, Unvalidated};

use crate::domain::time::Timestamp;

/// How far ahead beginnings are worked out at a time.
const AHEAD: Duration = Duration::from_secs(32 * 24 * 3600);
/// More than any zone is off another, or jumps.
const SLACK: Duration = Duration::from_secs(26 * 3600);
/// Beginnings worked out at a time; more only shorten how far ahead that is.
const MAX_AHEAD: usize = 20_000;
/// Beginnings that are looked at to say whether there is any time without a window.
const SAMPLE: usize = 60;

/// A schedule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    #[error("is not an RFC 5545 recurrence such as FREQ=WEEKLY;BYDAY=SU: {0}")]
    Recurrence(String),
    /// It begins too often for a window.
    #[error("a window that begins every {0} is not one; HOURLY is the shortest")]
    TooOften(&'static str),
    #[error("is not a cron pattern such as 0 2 * * SUN: {0}")]
    Cron(String),
    #[error("there is no time zone `{0}`; write it as in the IANA database, such as Europe/Berlin")]
    Zone(String),
    /// The text is not a time on the wall clock.
    #[error(
        "`{0}` is not a time on the wall clock such as 2026-01-04T02:00:00; the zone stands in time_zone"
    )]
    Starts(String),
    #[error("never begins")]
    Never,
}

/// How beginnings repeat, on the wall clock: chrono's UTC stands for no zone at all.
#[derive(Debug, Clone)]
pub enum Repetition {
    Recurrence(Box<RRuleSet>),
    Cron(Box<Cron>),
}

/// Reads the time zone `name`.
pub fn zone(name: &str) -> Result<TimeZone, BadSchedule> {
    TimeZone::get(name).map_err(|_| BadSchedule::Zone(name.to_owned()))
}

/// Reads a time on the wall clock.
pub fn wall_clock(text: &str) -> Result<civil::DateTime, BadSchedule> {
    ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| civil::DateTime::strptime(format, text).ok())
        .filter(|at| (2000..2200).contains(&at.year()))
        .ok_or_else(|| BadSchedule::Starts(text.to_owned()))
}

impl Repetition {
    /// Reads a recurrence that begins with `starts`; its `UNTIL` is in UTC when it ends in Z, and
    /// on the wall clock otherwise.
    pub fn recurrence(
        text: &str,
        starts: civil::DateTime,
        zone: &TimeZone,
    ) -> Result<Self, BadSchedule> {
        let bad = |error: &dyn std::fmt::Display| BadSchedule::Recurrence(error.to_string());
        let text = text.trim();
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        let plain = |one: char| one.is_ascii_alphanumeric() || ";=,+-".contains(one);
        if !text.chars().all(plain) {
            return Err(bad(
                &"it is one line of NAME=VALUE parts with ; between them",
            ));
        }
        let text = on_wall_clock(text, zone)?;
        let rule = RRule::<Unvalidated>::from_str(&text).map_err(|error| bad(&error))?;
        match rule.get_freq() {
            Frequency::Minutely => return Err(BadSchedule::TooOften("minute")),
            Frequency::Secondly => return Err(BadSchedule::TooOften("second")),
            _ => {}
        }
        if rule.get_interval() == 0 {
            return Err(bad(&"INTERVAL is at least 1"));
        }
        let starts = to_chrono(starts)
            .ok_or_else(|| bad(&"it begins too early or too late"))?
            .with_timezone(&Tz::UTC);
        let set = rule.build(starts).map_err(|error| bad(&error))?.limit();
        Self::Recurrence(Box::new(set)).validated()
    }

    /// Reads a cron pattern of five fields.
    pub fn cron(text: &str) -> Result<Self, BadSchedule> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(text)
            .map_err(|error| BadSchedule::Cron(error.to_string()))?;
        Self::Cron(Box::new(cron)).validated()
    }

    fn validated(self) -> Result<Self, BadSchedule> {
        let begins = self.beginnings_from(DateTime::UNIX_EPOCH).next().is_some();
        if begins {
            Ok(self)
        } else {
            Err(BadSchedule::Never)
        }
    }

    /// Beginnings from `from` on, in order.
    fn beginnings_from(&self, from: DateTime<Utc>) -> Box<dyn Iterator<Item = DateTime<Utc>>> {
        match self {
            Self::Recurrence(set) => {
                let all = set.into_iter().map(|at| at.with_timezone(&Utc));
                Box::new(all.skip_while(move |at| *at < from))
            }
            Self::Cron(cron) => {
                let cron = cron.clone();
                let first = cron.find_next_occurrence(&from, true).ok();
                Box::new(std::iter::successors(first, move |at| {
                    cron.find_next_occurrence(at, false).ok()
                }))
            }
        }
    }
}

/// `text` with its `UNTIL` on the wall clock of `zone`, marked as the others are.
fn on_wall_clock(text: &str, zone: &TimeZone) -> Result<String, BadSchedule> {
    let bad = |value: &str| BadSchedule::Recurrence(format!("UNTIL={value} is not a time"));
    let parts = text.split(';').map(|part| {
        let Some((name, value)) = part.split_once('=') else {
            return Ok(part.to_owned());
        };
        if !name.trim().eq_ignore_ascii_case("UNTIL") {
            return Ok(part.to_owned());
        }
        let format = "%Y%m%dT%H%M%S";
        let until = match value.strip_suffix('Z') {
            Some(utc) => {
                let utc = civil::DateTime::strptime(format, utc).map_err(|_| bad(value))?;
                let at = TimeZone::UTC.to_timestamp(utc).map_err(|_| bad(value))?;
                zone.to_datetime(at)
            }
            None if value.contains('T') => {
                civil::DateTime::strptime(format, value).map_err(|_| bad(value))?
            }
            None => civil::Date::strptime("%Y%m%d", value)
                .map_err(|_| bad(value))?
                .at(23, 59, 59, 0),
        };
        Ok(format!("UNTIL={}Z", until.strftime(format)))
    });
    let parts: Result<Vec<String>, BadSchedule> = parts.collect();
    Ok(parts?.join(";"))
}

/// From when until when.
type Window = (Timestamp, Timestamp);

/// Windows worked out ahead, joined where they touch, in order.
#[derive(Debug, Default)]
struct Ahead {
    from: Timestamp,
    to: Timestamp,
    windows: Vec<Window>,
}

/// A repeated span of time.
#[derive(Debug, Clone)]
pub struct Schedule {
    repetition: Repetition,
    duration: Duration,
    zone: TimeZone,
    /// What was worked out last: the same whoever asks, and long to work out anew.
    ahead: Arc<Mutex<Ahead>>,
}

impl Schedule {
    /// Windows of `duration` that begin by `repetition` on the wall clocks of `zone`.
    pub fn new(repetition: Repetition, duration: Duration, zone: TimeZone) -> Self {
        Self {
            repetition,
            duration,
            zone,
            ahead: Arc::default(),
        }
    }

    /// The end of the window that is in force at `now`.
    pub fn window_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.window_around(now).map(|(_, until)| until)
    }

    /// Beginning and end of the window that is in force at `now`.
    pub fn window_around(&self, now: Timestamp) -> Option<Window> {
        let (last_begun, _) = self.windows_about(now);
        last_begun.filter(|(_, until)| now < *until)
    }

    /// Beginning and end of the first window that begins after `now`.
    pub fn next_window(&self, now: Timestamp) -> Option<Window> {
        if let (_, Some(next)) = self.windows_about(now) {
            return Some(next);
        }
        let later = self.repetition.beginnings_from(chrono_at(now.minus(SLACK)));
        let begins = later.map_while(|at| self.place(at)).find(|at| *at > now)?;
        // Looked at from its beginning, it is whole with all that touches it.
        let windows = self.compute_ahead(begins).windows;
        windows.into_iter().find(|(from, _)| *from == begins)
    }

    /// Of the windows worked out ahead, the last that has begun at `now`, and the one after it.
    fn windows_about(&self, now: Timestamp) -> (Option<Window>, Option<Window>) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if now < ahead.from || now >= ahead.to {
            *ahead = self.compute_ahead(now);
        }
        let next = ahead.windows.partition_point(|(from, _)| *from <= now);
        let last_begun = next.checked_sub(1).and_then(|last| ahead.windows.get(last));
        (last_begun.copied(), ahead.windows.get(next).copied())
    }

    /// Whether, as far as can be seen, one window ends no sooner than the next begins.
    pub fn never_ends(&self) -> bool {
        let beginnings = self.repetition.beginnings_from(DateTime::UNIX_EPOCH);
        let sample: Vec<DateTime<Utc>> = beginnings.take(SAMPLE).collect();
        let touches = |pair: &[DateTime<Utc>]| match pair {
            [one, next] => (*next - *one)
                .to_std()
                .is_ok_and(|gap| gap <= self.duration),
            _ => false,
        };
        sample.len() == SAMPLE && sample.windows(2).all(touches)
    }

    /// Whether a window of this is in force together with one of `other`, as far as can be seen.
    pub fn overlaps(&self, other: &Self) -> bool {
        let first = |one: &Self| one.repetition.beginnings_from(DateTime::UNIX_EPOCH).next();
        let Some(from) = first(self).max(first(other)) else {
            return false;
        };
        let meets = |one: &Self, other: &Self| {
            let sample = one.repetition.beginnings_from(from).take(SAMPLE);
            let mut placed = sample.filter_map(|at| one.place(at));
            placed.any(|at| other.window_at(at).is_some())
        };
        meets(self, other) || meets(other, self)
    }

    fn compute_ahead(&self, now: Timestamp) -> Ahead {
        let earliest = now.minus(self.duration).minus(SLACK);
        let mut to = now.plus(AHEAD);
        let mut windows: Vec<Window> = Vec::new();
        let beginnings = self.repetition.beginnings_from(chrono_at(earliest));
        for (count, wall_clock) in beginnings.enumerate() {
            let Some(begins) = self.place(wall_clock) else {
                break;
            };
            if begins >= to {
                break;
            }
            if count >= MAX_AHEAD && begins > now {
                to = begins;
                break;
            }
            let ends = begins.plus(self.duration);
            match windows.last_mut() {
                Some((_, until)) if *until >= begins => *until = ends.max(*until),
                _ => windows.push((begins, ends)),
            }
        }
        Ahead {
            from: now,
            to,
            windows,
        }
    }

    /// When it is `wall_clock` in the zone.
    fn place(&self, wall_clock: DateTime<Utc>) -> Option<Timestamp> {
        let wall_clock = jiff::Timestamp::from_second(wall_clock.timestamp()).ok()?;
        let civil = TimeZone::UTC.to_datetime(wall_clock);
        let at = self.zone.to_ambiguous_timestamp(civil).compatible().ok()?;
        Some(Timestamp::from_millis(at.as_millisecond()))
    }
}

fn to_chrono(civil: civil::DateTime) -> Option<DateTime<Utc>> {
    let since = civil.duration_since(civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    DateTime::from_timestamp(SignedDuration::as_secs(&since), 0)
}

/// `at` as chrono's; the slack of the caller covers what the zone is off.
fn chrono_at(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.as_millis()).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
