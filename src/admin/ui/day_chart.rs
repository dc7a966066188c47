//! The chart of the last 24 hours: three rows of stacked bars over one axis of time, with outages as
//! bands behind them. Each row has a scale of its own: a ticket is seen beside a million events.
//!
//! Pure: knows numbers and times. The template draws it as SVG.

use serde::Serialize;

use super::chart::tenth;
use crate::domain::activity::{Activity, begin_of};
use crate::domain::decision::Suppression;
use crate::domain::time::Timestamp;
use crate::store::{LAST_HOURS, LastDay, OutageSpan};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 8.0;
/// Of one row, and the room above it for its name.
const ROW: f64 = 64.0;
const HEAD: f64 = 26.0;
/// Above the rows: the names of outages.
const TOP: f64 = 18.0;
/// Below the rows: the hours.
const BOTTOM: f64 = 22.0;
/// A bar that is there is seen.
const LOWEST: f64 = 2.0;
/// Every how many hours a time stands below.
const LABEL_EVERY: i64 = 6;

/// A kind of bar: its name for people, and the class of its pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Kind {
    name: &'static str,
    class: &'static str,
}

const REASONS: [(Suppression, Kind); 7] = [
    (
        Suppression::ActiveIncident,
        kind("part of an open incident", "known"),
    ),
    (Suppression::BurstLock, kind("burst lock", "lock")),
    (Suppression::Pending, kind("too short so far", "pending")),
    (Suppression::Outage, kind("outage", "outage")),
    (Suppression::Silenced, kind("silenced", "silenced")),
    (Suppression::Flood, kind("flood", "flood")),
    (Suppression::Stale, kind("too old", "stale")),
];
const CALM: Kind = kind("events without a breach", "calm");
const BREACH: Kind = kind("events with a breach", "breach");
const WRITTEN: Kind = kind("breaches written to a ticket", "written");
const TICKET: Kind = kind("tickets created", "ticket");
const FAILURE: Kind = kind("failed attempts", "failure");

const fn kind(name: &'static str, class: &'static str) -> Kind {
    Kind { name, class }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DayChart {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    rows: Vec<Row>,
    bands: Vec<Band>,
    hours: Vec<HourLabel>,
    /// All of it in one sentence, for whoever does not see the chart.
    summary: String,
    /// The numbers, hour by hour; hours in which nothing happened are left out.
    table: Vec<TableRow>,
}

/// A row of stacked bars.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    name: &'static str,
    /// Where its name stands, and its bars.
    head: f64,
    top: f64,
    bottom: f64,
    /// The number of the highest bar, and how it stands beside the row.
    most: u64,
    scale: String,
    bars: Vec<Bar>,
    legend: Vec<Counted>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    class: &'static str,
    name: &'static str,
    count: u64,
    at: String,
}

/// A kind with its number over the whole day.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Counted {
    name: &'static str,
    class: &'static str,
    count: u64,
}

/// An outage.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Band {
    id: String,
    name: String,
    x: f64,
    width: f64,
    from: String,
    to: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct HourLabel {
    x: f64,
    at: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct TableRow {
    at: String,
    events: u64,
    breaches: u64,
    written: u64,
    suppressed: u64,
    /// Why, with numbers.
    why: String,
    tickets: u64,
    failures: u64,
}

/// What happened in one hour.
#[derive(Debug, Clone, Default)]
struct Hour {
    events: u64,
    breaches: u64,
    written: u64,
    tickets: u64,
    failures: u64,
    /// In the order of [`REASONS`].
    suppressed: [u64; REASONS.len()],
}

impl Hour {
    fn held_back(&self) -> u64 {
        self.suppressed.iter().sum()
    }

    fn is_empty(&self) -> bool {
        let out = self.written + self.tickets + self.failures;
        self.events + self.breaches + self.held_back() + out == 0
    }

    fn add(&mut self, what: Activity, count: u64) {
        let place = match what {
            Activity::Event => &mut self.events,
            Activity::Breach => &mut self.breaches,
            Activity::Written => &mut self.written,
            Activity::Ticket => &mut self.tickets,
            Activity::Failure => &mut self.failures,
            Activity::Suppressed(reason) => {
                let of_reason = |(one, _): &(Suppression, Kind)| *one == reason;
                let place = REASONS.iter().position(of_reason).unwrap_or_default();
                let Some(place) = self.suppressed.get_mut(place) else {
                    return;
                };
                place
            }
        };
        *place += count;
    }

    fn in_and_breaching(&self) -> Vec<(Kind, u64)> {
        let calm = self.events.saturating_sub(self.breaches);
        vec![(BREACH, self.breaches), (CALM, calm)]
    }

    /// By each rule: two rules can find a breach in one event.
    fn of_breaches(&self) -> Vec<(Kind, u64)> {
        let reasons = REASONS.iter().zip(self.suppressed);
        let reasons = reasons.map(|((_, kind), count)| (*kind, count));
        [(WRITTEN, self.written)]
            .into_iter()
            .chain(reasons)
            .collect()
    }

    fn out(&self) -> Vec<(Kind, u64)> {
        vec![(TICKET, self.tickets), (FAILURE, self.failures)]
    }
}

type Stack = fn(&Hour) -> Vec<(Kind, u64)>;

/// The rows, from above.
const ROWS: [(&str, Stack); 3] = [
    ("Events", Hour::in_and_breaching),
    ("Breaches, and what held them back", Hour::of_breaches),
    ("To the CRMs", Hour::out),
];

/// The chart of `day`, which ends at `now`.
pub(super) fn day_chart(day: &LastDay, now: Timestamp) -> DayChart {
    let hours = hours_of(day);
    let height = TOP + (HEAD + ROW) * ROWS.len() as f64 + BOTTOM;
    let rows = ROWS.iter().enumerate().map(|(number, (name, stack))| {
        let head = TOP + (HEAD + ROW) * number as f64;
        row(name, head, day.first_hour, &hours, *stack)
    });
    let labels = (0..LAST_HOURS).filter(|hour| hour % LABEL_EVERY == 0);
    DayChart {
        width: WIDTH,
        height,
        left: LEFT,
        right: WIDTH - RIGHT,
        rows: rows.collect(),
        bands: day.outages.iter().map(|one| band(one, day, now)).collect(),
        hours: labels
            .map(|hour| HourLabel {
                x: tenth(x_of(hour as f64)),
                at: begin_of(day.first_hour + hour).to_string(),
            })
            .collect(),
        summary: summary(&hours, day.outages.len()),
        table: table(day.first_hour, &hours),
    }
}

fn hours_of(day: &LastDay) -> Vec<Hour> {
    let mut hours = vec![Hour::default(); usize::try_from(LAST_HOURS).unwrap_or(0)];
    for (hour, what, count) in &day.counts {
        let place = usize::try_from(hour - day.first_hour).ok();
        if let Some(hour) = place.and_then(|place| hours.get_mut(place)) {
            hour.add(*what, *count);
        }
    }
    hours
}

/// Where the time `hours` after the first hour stands.
fn x_of(hours: f64) -> f64 {
    LEFT + hours / LAST_HOURS as f64 * (WIDTH - LEFT - RIGHT)
}

fn row(name: &'static str, head: f64, first_hour: i64, hours: &[Hour], stack: Stack) -> Row {
    let stacks: Vec<Vec<(Kind, u64)>> = hours.iter().map(stack).collect();
    let whole = |stack: &Vec<(Kind, u64)>| stack.iter().map(|(_, count)| count).sum::<u64>();
    let most = stacks.iter().map(whole).max().unwrap_or(0);
    let (top, bottom) = (head + HEAD, head + HEAD + ROW);
    let step = (WIDTH - LEFT - RIGHT) / LAST_HOURS as f64;
    let mut bars = Vec::new();
    let mut legend: Vec<Counted> = Vec::new();
    for (hour, stack) in stacks.iter().enumerate() {
        let mut y = bottom;
        for (kind, count) in stack.iter().filter(|(_, count)| *count > 0) {
            let share = *count as f64 / most.max(1) as f64;
            let height = (share * ROW).max(LOWEST);
            y -= height;
            let at = begin_of(first_hour + i64::try_from(hour).unwrap_or(0));
            bars.push(Bar {
                x: tenth(x_of(hour as f64) + 1.0),
                y: tenth(y.max(top)),
                width: tenth(step - 2.0),
                height: tenth(height),
                class: kind.class,
                name: kind.name,
                count: *count,
                at: at.to_string(),
            });
            match legend.iter_mut().find(|one| one.class == kind.class) {
                Some(known) => known.count += count,
                None => legend.push(Counted {
                    name: kind.name,
                    class: kind.class,
                    count: *count,
                }),
            }
        }
    }
    Row {
        name,
        head: head + HEAD - 6.0,
        top,
        bottom,
        most,
        scale: compact(most),
        bars,
        legend,
    }
}

/// A number in few characters: `9999`, `12k`, `3M`.
fn compact(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

fn band(one: &OutageSpan, day: &LastDay, now: Timestamp) -> Band {
    let begin = begin_of(day.first_hour);
    let hours_to = |at: Timestamp| at.since(begin).as_secs_f64() / 3_600.0;
    let from = x_of(hours_to(one.from.max(begin)));
    let to = x_of(hours_to(one.to.unwrap_or(now).max(begin)).min(LAST_HOURS as f64));
    Band {
        id: one.id.to_string(),
        name: one.name.clone(),
        x: tenth(from),
        width: tenth((to - from).max(LOWEST)),
        from: one.from.to_string(),
        to: one.to.map(|to| to.to_string()),
    }
}

fn summary(hours: &[Hour], outages: usize) -> String {
    let total = |of: fn(&Hour) -> u64| hours.iter().map(of).sum::<u64>();
    let counted = |count: u64, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    [
        format!(
            "{}, {} of them with a breach",
            counted(total(|one| one.events), "event", "events"),
            total(|one| one.breaches)
        ),
        format!(
            "{} written to a ticket, {} held back",
            counted(total(|one| one.written), "breach", "breaches"),
            total(Hour::held_back)
        ),
        counted(total(|one| one.tickets), "ticket", "tickets"),
        counted(
            total(|one| one.failures),
            "failed attempt",
            "failed attempts",
        ),
        counted(outages as u64, "outage", "outages"),
    ]
    .join("; ")
}

fn table(first_hour: i64, hours: &[Hour]) -> Vec<TableRow> {
    let rows = hours.iter().zip(first_hour..);
    let rows = rows.filter(|(hour, _)| !hour.is_empty());
    rows.map(|(hour, number)| {
        let why = REASONS.iter().zip(hour.suppressed);
        let why = why.filter(|(_, count)| *count > 0);
        let why: Vec<String> = why
            .map(|((_, kind), count)| format!("{} {count}", kind.name))
            .collect();
        TableRow {
            at: begin_of(number).to_string(),
            events: hour.events,
            breaches: hour.breaches,
            written: hour.written,
            suppressed: hour.held_back(),
            why: why.join(", "),
            tickets: hour.tickets,
            failures: hour.failures,
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::IncidentId;

    const FIRST: i64 = 498_000;

    fn hour(number: i64) -> Timestamp {
        begin_of(FIRST + number)
    }

    fn day(counts: &[(i64, Activity, u64)]) -> LastDay {
        let counts = counts.iter();
        LastDay {
            first_hour: FIRST,
            counts: counts
                .map(|(at, what, count)| (FIRST + at, *what, *count))
                .collect(),
            outages: Vec::new(),
        }
    }

    #[test]
    fn bars_are_stacked_and_each_row_has_its_own_scale() {
        let locked = Activity::Suppressed(Suppression::BurstLock);
        let day = day(&[
            (0, Activity::Event, 1_000_000),
            (0, Activity::Breach, 10),
            (0, Activity::Written, 6),
            (0, locked, 4),
            (23, Activity::Ticket, 1),
        ]);
        let chart = day_chart(&day, hour(23));
        let [events, breaches, out] = &chart.rows[..] else {
            panic!("three rows");
        };
        assert_eq!((events.most, breaches.most, out.most), (1_000_000, 10, 1));
        assert_eq!((&*events.scale, &*breaches.scale), ("1M", "10"));
        let [breach, calm] = &events.bars[..] else {
            panic!("two bars: {:?}", events.bars);
        };
        assert_eq!(breach.height, LOWEST, "it is seen beside a million");
        assert_eq!(calm.count, 999_990);
        assert!(calm.y >= events.top, "nothing leaves its row");
        let [written, lock] = &breaches.bars[..] else {
            panic!("two bars: {:?}", breaches.bars);
        };
        assert_eq!((written.count, lock.count), (6, 4));
        let gap = lock.y + lock.height - written.y;
        assert!(gap.abs() < 0.2, "one stands on the other");
        assert_eq!(out.bars[0].height, ROW);
        assert!(out.bars[0].x > 680.0, "the last hour stands on the right");
        assert_eq!(
            chart.summary,
            "1000000 events, 10 of them with a breach; 6 breaches written to a ticket, 4 held back; \
             1 ticket; 0 failed attempts; 0 outages"
        );
        assert_eq!(chart.table.len(), 2);
        assert_eq!(chart.table[0].why, "burst lock 4");
    }

    #[test]
    fn an_outage_is_a_band_from_its_beginning_to_its_end_or_to_now() {
        let span = |from: i64, to: Option<i64>| OutageSpan {
            id: IncidentId::new("o-1"),
            name: "site Berlin".to_owned(),
            from: hour(from),
            to: to.map(hour),
        };
        let mut day = day(&[]);
        day.outages = vec![span(6, Some(12)), span(-30, None)];
        let chart = day_chart(&day, hour(23));
        let quarter = (WIDTH - LEFT - RIGHT) / 4.0;
        assert_eq!(chart.bands[0].x, tenth(LEFT + quarter));
        assert_eq!(chart.bands[0].width, tenth(quarter));
        assert_eq!(chart.bands[1].x, LEFT, "it began before the chart");
        assert!(chart.bands[1].x + chart.bands[1].width <= chart.right);
        assert!(chart.table.is_empty());
    }
}
