//! Results, and how they are written down.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::Fallible;
use crate::client::Measured;
use crate::figures::median;

/// Everything that was measured.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) commit: String,
    pub(crate) bars: Vec<Bar>,
    pub(crate) intakes: Vec<Intake>,
    pub(crate) facts: Vec<(String, String)>,
    pub(crate) notes: Vec<String>,
}

/// A figure with a bound.
#[derive(Serialize)]
pub(crate) struct Bar {
    name: String,
    bound: String,
    value: f64,
    /// The bound as a share of the plot's width is 1; more is better.
    reached: f64,
    pub(crate) holds: bool,
}

impl Bar {
    pub(crate) fn at_least(name: &str, bound: f64, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            bound: format!("≥ {bound}"),
            value,
            reached: value / bound,
            holds: value >= bound,
        }
    }

    pub(crate) fn at_most(name: &str, bound: f64, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            bound: format!("≤ {bound}"),
            value,
            reached: if value > 0.0 { bound / value } else { 10.0 },
            holds: value <= bound,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds { "holds " } else { "MISSED" };
        write!(
            out,
            "{verdict} {} {}: {:.3}",
            self.name, self.bound, self.value
        )
    }
}

/// Requests of one kind, beside the no-op: medians of the rounds.
#[derive(Serialize)]
pub(crate) struct Intake {
    name: String,
    connections: usize,
    noop: Requests,
    durable: Requests,
    /// The median of each round's own ratio.
    pub(crate) ratio: f64,
    pub(crate) p99_ratio: f64,
}

#[derive(Serialize)]
struct Requests {
    per_second: f64,
    p50: f64,
    p99: f64,
}

impl Requests {
    fn of(rounds: &[Measured]) -> Self {
        Self {
            per_second: median(rounds.iter().map(Measured::per_second)),
            p50: median(rounds.iter().map(|round| round.quantile(0.5))),
            p99: median(rounds.iter().map(|round| round.quantile(0.99))),
        }
    }
}

impl Intake {
    pub(crate) fn new(
        name: &str,
        connections: usize,
        noops: &[Measured],
        durables: &[Measured],
    ) -> Self {
        let rounds = || durables.iter().zip(noops);
        Self {
            name: name.to_owned(),
            connections,
            noop: Requests::of(noops),
            durable: Requests::of(durables),
            ratio: median(rounds().map(|(ours, noop)| ours.per_second() / noop.per_second())),
            p99_ratio: median(
                rounds().map(|(ours, noop)| ours.quantile(0.99) / noop.quantile(0.99)),
            ),
        }
    }
}

impl fmt::Display for Intake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}, {} connections: {:.0}/s of {:.0}/s ({:.3}); p99 {:.2} of {:.2} ms ({:.2})",
            self.name,
            self.connections,
            self.durable.per_second,
            self.noop.per_second,
            self.ratio,
            self.durable.p99,
            self.noop.p99,
            self.p99_ratio
        )
    }
}

impl Report {
    /// Writes `performance.md` and `performance.svg` into `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Fallible<()> {
        let mut templates = minijinja::Environment::new();
        templates.add_template("performance.md", include_str!("performance.md.j2"))?;
        templates.add_template("performance.svg", include_str!("performance.svg.j2"))?;
        for (name, template) in templates.templates() {
            std::fs::write(
                folder.join(name),
                template.render(minijinja::Value::from(minijinja::value::Serde(self)))? + "\n",
            )?;
        }
        Ok(())
    }
}

/// The machine and the software, in one line.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
            .unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores of {}, {} of memory, Linux {}",
        value(&read("/proc/cpuinfo"), "model name"),
        value(&read("/proc/meminfo"), "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim()
    )
}
