//! What a ticket costs while few and while many others wait: for a CRM that does not answer, and for
//! its turn once the CRM is back.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::client::{Load, Until, send};
use crate::daemon::{Daemon, Setting, Simulator, wait_until};
use crate::report::{Bar, Report};
use crate::scenarios::{Bench, breaches_of_own_queues, none_refused};

/// Events in an array while the backlog is made.
const ARRAY: u64 = 100;
/// How long the idle daemon is watched.
const IDLE: Duration = Duration::from_secs(5);

/// What one size has cost.
struct Cost {
    /// Processor time of a second in which nothing can be sent.
    idle: f64,
    /// Seconds and processor seconds of one ticket.
    ticket: f64,
    processor: f64,
}

impl Bench {
    /// The cost with many waiting, of that with few.
    pub(crate) fn backlog(&mut self, report: &mut Report) -> Fallible<()> {
        let (few, many) = self.scale.waiting;
        let few_cost = self.backlog_of(few)?;
        let many_cost = self.backlog_of(many)?;
        for (name, cost) in [(few, &few_cost), (many, &many_cost)] {
            report.facts.extend([
                (
                    format!("{name} waiting: tickets/s when the CRM is back"),
                    format!("{:.0}", 1.0 / cost.ticket),
                ),
                (
                    format!("{name} waiting: processor time of a ticket"),
                    format!("{:.2} ms", cost.processor * 1e3),
                ),
                (
                    format!("{name} waiting: processor time while the CRM does not answer"),
                    format!("{:.1} % of a core", cost.idle * 1e2),
                ),
            ]);
        }
        for bar in [
            Bar::at_most(
                &format!("time of a ticket with {many} waiting, of that with {few}"),
                1.5,
                many_cost.ticket / few_cost.ticket,
            ),
            Bar::at_most(
                &format!("processor time of a ticket with {many} waiting, of that with {few}"),
                1.5,
                many_cost.processor / few_cost.processor,
            ),
            Bar::at_most(
                &format!("processor time of an idle second with {many} waiting, % of a core"),
                3.0,
                many_cost.idle * 1e2,
            ),
        ] {
            eprintln!("{bar}");
            report.bars.push(bar);
        }
        Ok(())
    }

    fn backlog_of(&mut self, waiting: u64) -> Fallible<Cost> {
        let folder = self.new_folder()?;
        let idle = self.wait_for_nobody(&folder, waiting)?;
        let daemon = Daemon::start(&self.setting(&folder))?;
        let done = || daemon.metric("ringdown_time_to_ticket_seconds_count");
        wait_until("the CRM takes tickets again", || {
            done().is_ok_and(|count| count > 20.0)
        })?;
        let measured = self.scale.drained as f64;
        let (began, before) = (Instant::now(), done()?);
        let processor = daemon.process().processor_seconds()?;
        wait_until("some of the backlog is sent", || {
            done().is_ok_and(|count| count - before >= measured)
        })?;
        let tickets = done()? - before;
        let cost = Cost {
            idle,
            ticket: began.elapsed().as_secs_f64() / tickets,
            processor: (daemon.process().processor_seconds()? - processor) / tickets,
        };
        eprintln!(
            "{waiting} waiting: {:.0} tickets/s, {:.2} ms of processor each, idle {:.1} % of a core",
            1.0 / cost.ticket,
            cost.processor * 1e3,
            cost.idle * 1e2
        );
        Ok(cost)
    }

    /// Makes `waiting` tickets owed to a CRM that nobody serves; the processor time of an idle second.
    fn wait_for_nobody(&self, folder: &Path, waiting: u64) -> Fallible<f64> {
        let nobody = Simulator::absent()?;
        let daemon = Daemon::start(&Setting {
            simulator: &nobody,
            ..self.setting(folder)
        })?;
        let mut bodies = breaches_of_own_queues("wait");
        bodies.events = ARRAY;
        none_refused(send(Load {
            to: daemon.public,
            connections: 4,
            reconnect: false,
            tls: None,
            until: Until::Requests(waiting / ARRAY),
            bodies,
        })?)?;
        daemon.until_decided(waiting as f64)?;
        // What deciding leaves behind in memory and in the log of the database is tidied first.
        std::thread::sleep(Duration::from_secs(2));
        let before = daemon.process().processor_seconds()?;
        std::thread::sleep(IDLE);
        let after = daemon.process().processor_seconds()?;
        Ok((after - before) / IDLE.as_secs_f64())
    }
}
