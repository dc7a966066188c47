//! Cron patterns of five fields: minute, hour, day of the month, month, day of the week.
//!
//! Besides `*`, lists, ranges, steps and English names: `L` (last day of the month), `15W` (the
//! working day nearest to the 15th, in the same month), `LW` (last working day), `5L` (last
//! Friday), `5#2` (second Friday), and `@daily` and the like. If both days are restricted, one
//! of them is enough; with `+` before the day of the week, both must match.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc, Weekday};

/// A day of every combination of month and weekday comes within this many days, 29 February on
/// a Sunday around 2100 included.
const MAX_DAYS: u64 = 50 * 366;
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const NICKNAMES: [(&str, &str); 5] = [
    ("@YEARLY", "0 0 1 1 *"),
    ("@ANNUALLY", "0 0 1 1 *"),
    ("@MONTHLY", "0 0 1 * *"),
    ("@WEEKLY", "0 0 * * 0"),
    ("@DAILY", "0 0 * * *"),
];

/// A pattern. In each set, bit N stands for the value N.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    months: u64,
    days: u64,
    /// Days that stand for the working day nearest to them.
    nearest_working_days: u64,
    last_day: bool,
    last_working_day: bool,
    weekdays: u64,
    /// By place in the month: weekdays that match as the first to the fifth.
    nth_weekdays: [u64; 5],
    last_weekdays: u64,
    any_day: bool,
    any_weekday: bool,
    both_days: bool,
}

/// The values of one field, as numbers or names.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

impl Cron {
    /// Reads a pattern; letter case does not matter.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_uppercase();
        let known = NICKNAMES.iter().find(|(name, _)| *name == text);
        let text = match text.as_str() {
            "@HOURLY" => "0 * * * *",
            other => known.map_or(other, |(_, pattern)| pattern),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!("it has {} fields and not five", fields.len()));
        };
        let (days, weekdays) = (days.replace('?', "*"), weekdays.replace('?', "*"));
        let restricted = weekdays.strip_prefix('+');
        let weekdays = restricted.unwrap_or(&weekdays);
        let mut cron = Self {
            minutes: field("minute", 0, 59).set(minutes)?,
            hours: field("hour", 0, 23).set(hours)?,
            months: Field {
                names: &MONTHS,
                ..field("month", 1, 12)
            }
            .set(months)?,
            any_day: days == "*",
            any_weekday: weekdays == "*",
            both_days: restricted.is_some(),
            ..Self::default()
        };
        cron.read_days(&days)?;
        cron.read_weekdays(weekdays)?;
        Ok(cron)
    }

    fn read_days(&mut self, text: &str) -> Result<(), String> {
        let field = field("day", 1, 31);
        for part in parts(text) {
            match (part, part.strip_suffix('W')) {
                ("L", _) => self.last_day = true,
                ("LW", _) => self.last_working_day = true,
                (_, Some(day)) => self.nearest_working_days |= 1 << field.value(day)?,
                (_, None) => self.days |= field.range(part)?,
            }
        }
        Ok(())
    }

    fn read_weekdays(&mut self, text: &str) -> Result<(), String> {
        let field = Field {
            names: &WEEKDAYS,
            ..field("day of the week", 0, 7)
        };
        for part in parts(text) {
            let (days, place) = match (part.split_once('#'), part.strip_suffix('L')) {
                (Some((days, place)), _) => (days, place),
                (None, Some(days)) => (days, "L"),
                (None, None) => (part, ""),
            };
            let days = field.range(days)?;
            // Seven is Sunday as well.
            let days = (days | days >> 7) & 0x7f;
            match (place, place.parse::<usize>()) {
                ("", _) => self.weekdays |= days,
                ("L", _) => self.last_weekdays |= days,
                (_, Ok(nth @ 1..=5)) => self.nth_weekdays[nth - 1] |= days,
                _ => return Err(format!("{part} has no place from #1 to #5")),
            }
        }
        Ok(())
    }

    /// The times that match, from `from` on, in order. They are on the wall clock; `Utc` stands
    /// for no zone.
    pub fn times_from(&self, from: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let cron = self.clone();
        let minute = TimeDelta::minutes(1);
        let begun = from.second() > 0 || from.nanosecond() > 0;
        let start = from.with_second(0).and_then(|at| at.with_nanosecond(0));
        let start = start.and_then(|at| match begun {
            true => at.checked_add_signed(minute),
            false => Some(at),
        });
        let first = start.and_then(|start| cron.next(start));
        std::iter::successors(first, move |at| cron.next(at.checked_add_signed(minute)?))
    }

    /// The first time that matches, not before `from`, which is a whole minute.
    fn next(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = self.time_from(from.hour(), from.minute());
        let today = today.filter(|_| self.matches_day(from.date_naive()));
        if let Some(time) = today {
            return Some(from.date_naive().and_time(time).and_utc());
        }
        let first = self.time_from(0, 0)?;
        let later = (1..MAX_DAYS).map_while(|days| {
            let days = Days::new(days);
            from.date_naive().checked_add_days(days)
        });
        let day = later.into_iter().find(|day| self.matches_day(*day))?;
        Some(day.and_time(first).and_utc())
    }

    /// The first time of a day that matches, not before `hour:minute`.
    fn time_from(&self, hour: u32, minute: u32) -> Option<NaiveTime> {
        let hours = self.hours >> hour << hour;
        let minutes = self.minutes >> minute << minute;
        if has(hours, hour) && minutes != 0 {
            return NaiveTime::from_hms_opt(hour, minutes.trailing_zeros(), 0);
        }
        let hours = hours & !(1 << hour);
        NaiveTime::from_hms_opt(hours.trailing_zeros(), self.minutes.trailing_zeros(), 0)
    }

    fn matches_day(&self, date: NaiveDate) -> bool {
        if !has(self.months, date.month()) {
            return false;
        }
        match (self.any_day, self.any_weekday) {
            (true, true) => true,
            (false, true) => self.matches_day_of_month(date),
            (true, false) => self.matches_weekday(date),
            (false, false) if self.both_days => {
                self.matches_day_of_month(date) && self.matches_weekday(date)
            }
            (false, false) => self.matches_day_of_month(date) || self.matches_weekday(date),
        }
    }

    fn matches_day_of_month(&self, date: NaiveDate) -> bool {
        let (day, length) = (date.day(), u32::from(date.num_days_in_month()));
        let nearest = |wanted: u32| {
            date.with_day(wanted)
                .map(|wanted| nearest_working_day(wanted, length))
        };
        let is_nearest =
            |wanted| has(self.nearest_working_days, wanted) && nearest(wanted) == Some(day);
        has(self.days, day)
            || self.last_day && day == length
            || self.last_working_day && nearest(length) == Some(day)
            || (day.saturating_sub(2).max(1)..=day + 2).any(is_nearest)
    }

    fn matches_weekday(&self, date: NaiveDate) -> bool {
        let weekday = date.weekday().num_days_from_sunday();
        let nth = self.nth_weekdays.get(date.day0() as usize / 7);
        let is_last = date.day() + 7 > u32::from(date.num_days_in_month());
        has(self.weekdays, weekday)
            || nth.is_some_and(|nth| has(*nth, weekday))
            || is_last && has(self.last_weekdays, weekday)
    }
}

const fn field(name: &'static str, first: u32, last: u32) -> Field {
    Field {
        name,
        first,
        last,
        names: &[],
    }
}

impl Field {
    fn set(&self, text: &str) -> Result<u64, String> {
        parts(text).try_fold(0, |set, part| Ok(set | self.range(part)?))
    }

    /// `*`, `N`, `N-M`, and with a step `*/S` or `N-M/S`.
    fn range(&self, text: &str) -> Result<u64, String> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            // At the end of a range Sunday is the seventh day.
            Some((from, "SUN")) if self.last == 7 => (self.value(from)?, 7),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None if step.is_some() => {
                return Err(format!("the step in {text} needs a range or * before it"));
            }
            None => (self.value(range)?, self.value(range)?),
        };
        let step = match step.map(str::parse::<usize>) {
            None => 1,
            Some(Ok(step)) if step > 0 => step,
            Some(_) => return Err(format!("the step in {text} is not a number above 0")),
        };
        if from > to {
            return Err(format!("the range {range} runs backwards"));
        }
        Ok((from..=to).step_by(step).map(|value| 1_u64 << value).sum())
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| *name == text);
        let named = named.and_then(|place| Some(self.first + u32::try_from(place).ok()?));
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number);
        named
            .or(number)
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| {
                let Self {
                    name, first, last, ..
                } = self;
                format!("the {name} {text:?} is not one from {first} to {last}")
            })
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|part| !part.is_empty())
}

/// The day of the month of the working day nearest to `date` in its month, which is so long.
fn nearest_working_day(date: NaiveDate, length: u32) -> u32 {
    let day = date.day();
    match date.weekday() {
        Weekday::Sat if day == 1 => 3,
        Weekday::Sat => day - 1,
        Weekday::Sun if day == length => day - 2,
        Weekday::Sun => day + 1,
        _ => day,
    }
}

const fn has(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
