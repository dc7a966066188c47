//! The charts: where each point, line and bar stands. The templates draw them as SVG.
//!
//! Pure: knows numbers and times, not incidents.

use serde::Serialize;

use super::mark_lanes::places;
use crate::domain::time::Timestamp;

/// The size of a chart in the units of its `viewBox`.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
/// Room for the texts beside the plot.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 26.0;

/// A reading over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) unit: &'static str,
    width: f64,
    height: f64,
    /// `x,y x,y …`
    line: String,
    dots: Vec<Dot>,
    thresholds: Vec<Level>,
    marks: Vec<Mark>,
    /// The numbers beside the lowest and the highest place.
    lowest: f64,
    highest: f64,
    top: f64,
    bottom: f64,
    left: f64,
    right: f64,
    from: String,
    to: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Dot {
    x: f64,
    y: f64,
    value: f64,
    at: String,
}

/// A horizontal line.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Level {
    y: f64,
    value: f64,
    /// `breach` or `clear`.
    kind: &'static str,
}

/// A vertical line: something happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Mark {
    x: f64,
    what: String,
    at: String,
    /// Where its name stands, if there is room.
    name_y: Option<f64>,
}

/// What a chart is made of.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'static str,
    /// In the order of time.
    pub(super) values: &'a [(Timestamp, f64)],
    pub(super) breach: Option<f64>,
    pub(super) clear: Option<f64>,
    /// What happened to the incident.
    pub(super) marks: &'a [(Timestamp, String)],
}

/// Where times and values stand in a chart.
struct Scale {
    from: Timestamp,
    to: Timestamp,
    lowest: f64,
    highest: f64,
}

const BASE: f64 = HEIGHT - BOTTOM;

impl Scale {
    /// Has room for everything in `series`.
    fn of(series: &Series<'_>) -> Option<Self> {
        let (first, last) = (series.values.first()?.0, series.values.last()?.0);
        let marks = series.marks.iter().map(|(at, _)| *at);
        let values = series.values.iter().map(|(_, value)| *value);
        let numbers: Vec<f64> = values.chain(series.breach).chain(series.clear).collect();
        let highest = numbers.iter().copied().fold(f64::MIN, f64::max);
        let lowest = numbers.iter().copied().fold(0.0, f64::min);
        Some(Self {
            from: marks.clone().fold(first, Timestamp::min),
            to: marks.fold(last, Timestamp::max),
            lowest,
            // A line at zero has a height too.
            highest: if highest > lowest {
                highest
            } else {
                lowest + 1.0
            },
        })
    }

    fn x(&self, at: Timestamp) -> f64 {
        let span = self.to.since(self.from).as_secs_f64().max(1.0);
        let share = at.since(self.from).as_secs_f64() / span;
        tenth(LEFT + share * (WIDTH - LEFT - RIGHT))
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.lowest) / (self.highest - self.lowest);
        tenth(BASE - share * (BASE - TOP))
    }

    fn dot(&self, (at, value): (Timestamp, f64)) -> Dot {
        Dot {
            x: self.x(at),
            y: self.y(value),
            value,
            at: at.to_string(),
        }
    }

    fn level(&self, value: Option<f64>, kind: &'static str) -> Option<Level> {
        value.map(|value| Level {
            y: self.y(value),
            value,
            kind,
        })
    }
}

/// The chart of `series`; `None` when there is nothing to draw.
pub(super) fn chart(series: &Series<'_>) -> Option<Chart> {
    let scale = Scale::of(series)?;
    let dots: Vec<Dot> = series.values.iter().map(|one| scale.dot(*one)).collect();
    let points: Vec<String> = dots
        .iter()
        .map(|dot| format!("{},{}", dot.x, dot.y))
        .collect();
    let placed = series.marks.iter();
    let placed = placed.map(|(at, what)| (scale.x(*at), what.as_str()));
    let names = places(placed, WIDTH - RIGHT);
    let marks = series.marks.iter().zip(names);
    let marks = marks.map(|((at, what), name_y)| Mark {
        x: scale.x(*at),
        what: what.replace('_', " "),
        at: at.to_string(),
        name_y,
    });
    let thresholds = [
        scale.level(series.breach, "breach"),
        scale.level(series.clear, "clear"),
    ];
    Some(Chart {
        name: series.name.to_owned(),
        unit: series.unit,
        width: WIDTH,
        height: HEIGHT,
        line: points.join(" "),
        dots,
        thresholds: thresholds.into_iter().flatten().collect(),
        marks: marks.collect(),
        lowest: scale.lowest,
        highest: scale.highest,
        top: TOP,
        bottom: BASE,
        left: LEFT,
        right: WIDTH - RIGHT,
        from: scale.from.to_string(),
        to: scale.to.to_string(),
    })
}

/// Digits that nobody sees make a page long.
pub(super) fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_chart_has_room_for_its_thresholds_and_for_what_happened() {
        let marks = [
            (at(0), "opened".to_owned()),
            (at(100), "recovered".to_owned()),
        ];
        let series = Series {
            name: "queue.waitTime.avg",
            unit: "s",
            values: &[(at(20), 100.0), (at(60), 200.0)],
            breach: Some(400.0),
            clear: None,
            marks: &marks,
        };
        let chart = chart(&series).unwrap();
        assert_eq!((chart.lowest, chart.highest), (0.0, 400.0));
        assert_eq!(chart.thresholds[0].y, TOP);
        assert_eq!(chart.marks[0].x, LEFT);
        assert_eq!(chart.marks[1].x, WIDTH - RIGHT);
        let middle = |low: f64, high: f64| f64::midpoint(low, high);
        assert_eq!(chart.dots[1].y, middle(TOP, HEIGHT - BOTTOM));
    }

    #[test]
    fn nothing_and_a_flat_line_can_be_drawn() {
        let mut series = Series {
            name: "a",
            unit: "",
            values: &[],
            breach: None,
            clear: None,
            marks: &[],
        };
        assert_eq!(chart(&series), None);
        let one = [(at(0), 0.0)];
        series.values = &one;
        let flat = chart(&series).unwrap();
        assert_eq!(flat.dots[0].y, HEIGHT - BOTTOM);
    }
}
