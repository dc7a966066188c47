//! What rules cost: that of the state of an entity, beside an evaluation of each message alone; and
//! that of many rules about one type of events.

use std::time::Instant;

use crate::Fallible;
use crate::client::{Load, Until, send};
use crate::daemon::{Daemon, Setting};
use crate::figures::{median, megabytes};
use crate::report::{Bar, Report};
use crate::scenarios::{Bench, CALM, bodies, none_refused};

/// Of further entities than one, each message is evaluated alone.
const ALONE: &str = "[entities]\nmax_per_source = 1\n";

const RULES: u32 = 300;

/// Events in one array: the receiver is not what is measured.
const ARRAY: u64 = 100;

impl Bench {
    /// The processor time of an event, with the state of its entity and without. Both are measured
    /// in turn.
    pub(crate) fn state(&mut self, report: &mut Report) -> Fallible<()> {
        let (mut ratios, mut kept) = (Vec::new(), Vec::new());
        for round in 0..self.scale.rounds {
            let (with, _) = self.cost_with("", &format!("with{round}"))?;
            let (alone, _) = self.cost_with(ALONE, &format!("alone{round}"))?;
            ratios.push(with / alone);
            kept.push(with * 1e6);
        }
        report.facts.push((
            "processor time of an event with the state of its entity, µs".to_owned(),
            format!("{:.0}", median(kept)),
        ));
        let name = "processor time of an event with the state of its entity, of that without";
        let bar = Bar::at_most(name, 1.15, median(ratios));
        eprintln!("{bar}");
        report.bars.push(bar);
        Ok(())
    }

    /// Many rules that all look at each event.
    pub(crate) fn rules(&mut self, report: &mut Report) -> Fallible<()> {
        let more: String = (0..RULES).map(rule).collect();
        let (mut starts, mut speeds, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.scale.rounds {
            let folder = self.new_folder()?;
            let daemon = Daemon::start(&Setting {
                more: &more,
                ..self.setting(&folder)
            })?;
            starts.push(daemon.ready_after.as_secs_f64() * 1e3);
            let events = self.scale.storm / 5;
            let began = Instant::now();
            self.send_arrays(&daemon, &format!("rules{round}"), events)?;
            let decided_at = daemon.until_decided((events * u64::from(RULES + 1)) as f64)?;
            speeds.push(events as f64 / decided_at.duration_since(began).as_secs_f64());
            peaks.push(megabytes(daemon.process().peak()?));
        }
        for bar in [
            Bar::at_most(
                "start-up to ready with 300 rules, ms",
                150.0,
                median(starts),
            ),
            Bar::at_least(
                "events decided/s with 300 rules for each",
                5_000.0,
                median(speeds),
            ),
            Bar::at_most(
                "resident memory with 300 rules for each event, MB",
                80.0,
                median(peaks),
            ),
        ] {
            eprintln!("{bar}");
            report.bars.push(bar);
        }
        Ok(())
    }

    /// Processor seconds, and seconds, of one event.
    fn cost_with(&mut self, more: &str, prefix: &str) -> Fallible<(f64, f64)> {
        let folder = self.new_folder()?;
        let daemon = Daemon::start(&Setting {
            more,
            ..self.setting(&folder)
        })?;
        let before = daemon.process().processor_seconds()?;
        let began = Instant::now();
        let events = self.scale.storm;
        self.send_arrays(&daemon, prefix, events)?;
        let decided_at = daemon.until_decided(events as f64)?;
        let processor = daemon.process().processor_seconds()? - before;
        let took = decided_at.duration_since(began).as_secs_f64();
        Ok((processor / events as f64, took / events as f64))
    }

    fn send_arrays(&self, daemon: &Daemon, prefix: &str, events: u64) -> Fallible<()> {
        let mut load = Load {
            until: Until::Requests(events / ARRAY),
            bodies: bodies(prefix, CALM),
            ..self.load(daemon.public, 4, prefix)
        };
        load.bodies.events = ARRAY;
        none_refused(send(load)?)?;
        Ok(())
    }
}

/// Each with a threshold of its own.
fn rule(number: u32) -> String {
    let threshold = 1_000 + number;
    format!(
        "[rules.backlog-{number}]\nevents = [\"v2.analytics.queues.{{id}}.observations\"]\n\
         when = \"metrics[oWaiting].count > {threshold} && queue_id != 'q{number}'\"\n\
         clear = \"metrics[oWaiting].count < {number}\"\nkey = \"{{{{ queue_id }}}}\"\n\
         targets = [\"salesforce\"]\n"
    )
}
