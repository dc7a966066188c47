//! What is measured. Each scenario begins with a fresh daemon, and what is compared is measured
//! in turn, several times, so that a noisy machine is noisy for both.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params};

use crate::Fallible;
use crate::body::Bodies;
use crate::client::{Load, Measured, Until, send};
use crate::daemon::{Daemon, Setting, Simulator, TOKEN, noop};
use crate::figures::{median, megabytes};
use crate::report::{Bar, Intake, Report};

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) rounds: usize,
    pub(crate) span: Duration,
    pub(crate) storm: u64,
    pub(crate) tickets: u64,
    pub(crate) few: u64,
    pub(crate) many: u64,
    /// Tickets that wait, few and many, and how many of them are measured.
    pub(crate) waiting: (u64, u64),
    pub(crate) drained: u64,
    pub(crate) after_storm: Duration,
}

/// Events in an array.
const ARRAY: u64 = 100;
/// The same while a database is filled: what fits into `max_body_bytes`.
const FILL: u64 = 200;
const QUEUES: u64 = 200;
/// Waiting calls below and above the rule's threshold.
pub(crate) const CALM: u32 = 17;
const BREACHING: u32 = 400;
/// How long the CRM takes.
const CRM_LATENCY: Duration = Duration::from_millis(10);
/// Pause between two breaches of the ticket scenario: 50 a second.
const PACE: Duration = Duration::from_millis(20);

pub(crate) struct Bench {
    pub(crate) scale: Scale,
    pub(crate) folder: PathBuf,
    /// A PostgreSQL server in which databases can be made.
    pub(crate) postgres: Option<String>,
    simulator: Simulator,
    folders: usize,
}

impl Bench {
    pub(crate) fn new(scale: Scale, folder: PathBuf, postgres: Option<String>) -> Fallible<Self> {
        Ok(Self {
            scale,
            folder,
            postgres,
            simulator: Simulator::start(CRM_LATENCY)?,
            folders: 0,
        })
    }

    pub(crate) fn new_folder(&mut self) -> Fallible<PathBuf> {
        self.folders += 1;
        let folder = self.folder.join(self.folders.to_string());
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn fresh(&mut self) -> Fallible<Daemon> {
        let folder = self.new_folder()?;
        self.start_in(&folder)
    }

    fn start_in(&self, folder: &std::path::Path) -> Fallible<Daemon> {
        Daemon::start(&self.setting(folder))
    }

    /// SQLite in `folder`.
    pub(crate) fn setting<'s>(&'s self, folder: &'s std::path::Path) -> Setting<'s> {
        Setting {
            folder,
            postgres: None,
            simulator: &self.simulator,
            binary: None,
            more: "",
        }
    }

    pub(crate) fn load(&self, to: std::net::SocketAddr, connections: usize, prefix: &str) -> Load {
        Load {
            to,
            connections,
            reconnect: false,
            tls: None,
            until: Until::Elapsed(self.scale.span),
            bodies: bodies(prefix, CALM),
        }
    }

    /// Single events, against the no-op.
    pub(crate) fn intake(&mut self, report: &mut Report) -> Fallible<()> {
        for (connections, reconnect) in [(64, false), (256, false), (64, true), (256, true)] {
            let (mut noops, mut durables) = (Vec::new(), Vec::new());
            for round in 0..self.scale.rounds {
                let (_noop, address) = noop()?;
                noops.push(send(Load {
                    reconnect,
                    ..self.load(address, connections, "noop")
                })?);
                drop(_noop);
                let daemon = self.fresh()?;
                durables.push(none_refused(send(Load {
                    reconnect,
                    ..self.load(daemon.public, connections, &format!("i{round}"))
                })?)?);
            }
            let name = if reconnect {
                "new connections"
            } else {
                "keep-alive"
            };
            let intake = Intake::new(&format!("SQLite, {name}"), connections, &noops, &durables);
            eprintln!("{intake}");
            if !reconnect {
                report.bars.extend(intake_bars(connections, &intake));
            }
            report.intakes.push(intake);
        }
        Ok(())
    }

    /// Single events into PostgreSQL, against the no-op.
    pub(crate) fn postgres(&mut self, report: &mut Report) -> Fallible<()> {
        let Some(server) = self.postgres.clone() else {
            report
                .notes
                .push("PostgreSQL was not measured: no server.".to_owned());
            return Ok(());
        };
        let (mut noops, mut durables) = (Vec::new(), Vec::new());
        for round in 0..self.scale.rounds {
            let (_noop, address) = noop()?;
            noops.push(send(self.load(address, 64, "noop"))?);
            drop(_noop);
            let folder = self.new_folder()?;
            let database = new_database(&server, round)?;
            let daemon = Daemon::start(&Setting {
                postgres: Some(&database),
                ..self.setting(&folder)
            })?;
            durables.push(none_refused(send(self.load(daemon.public, 64, "pg"))?)?);
        }
        let intake = Intake::new("PostgreSQL, keep-alive", 64, &noops, &durables);
        eprintln!("{intake}");
        report.bars.push(Bar::at_least(
            "durable 202s/s on PostgreSQL, 64 connections, of the no-op's",
            0.30,
            intake.ratio,
        ));
        report.intakes.push(intake);
        Ok(())
    }

    /// Arrays, against inserts of the same rows without HTTP.
    pub(crate) fn arrays(&mut self, report: &mut Report) -> Fallible<()> {
        let (mut ratios, mut ours, mut raws) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.scale.rounds {
            let raw = self.raw_inserts()?;
            let daemon = self.fresh()?;
            let mut load = self.load(daemon.public, 16, &format!("a{round}"));
            load.bodies.events = ARRAY;
            let events = none_refused(send(load)?)?.per_second() * ARRAY as f64;
            ratios.push(events / raw);
            ours.push(events);
            raws.push(raw);
        }
        let (ours, raw) = (median(ours), median(raws));
        eprintln!("arrays: {ours:.0} events/s, raw SQLite {raw:.0} rows/s");
        report.facts.push((
            "events/s in arrays of 100, 16 connections".to_owned(),
            format!("{ours:.0}"),
        ));
        report.facts.push((
            "rows/s of raw batched inserts".to_owned(),
            format!("{raw:.0}"),
        ));
        report.bars.push(Bar::at_least(
            "events/s in arrays of 100, of raw batched inserts",
            0.8,
            median(ratios),
        ));
        Ok(())
    }

    /// Batches of 512 rows with a unique id, into a table like the journal's.
    fn raw_inserts(&mut self) -> Fallible<f64> {
        let folder = self.new_folder()?;
        let mut connection = Connection::open(folder.join("raw.db"))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.execute_batch(
            "create table events (seq integer primary key autoincrement, source text not null, \
             event_id text not null unique, received_at bigint not null, review text, body text not null)",
        )?;
        let bodies = bodies("raw", CALM);
        let (began, mut rows) = (Instant::now(), 0_u64);
        while began.elapsed() < self.scale.span {
            let tx = connection.transaction()?;
            let mut insert = tx.prepare_cached(
                "insert into events (source, event_id, received_at, body) values ('genesys', ?, 0, ?)",
            )?;
            for _ in 0..512 {
                let id = format!("{:_<16}{rows:020}", "raw");
                insert.execute(params![id, bodies.event(rows)])?;
                rows += 1;
            }
            drop(insert);
            tx.commit()?;
        }
        Ok(rows as f64 / began.elapsed().as_secs_f64())
    }

    /// A storm of breaches, decided while it is received; and the memory of it.
    pub(crate) fn storm(&mut self, report: &mut Report) -> Fallible<()> {
        let daemon = self.fresh()?;
        std::thread::sleep(Duration::from_secs(2));
        let idle = daemon.process().resident()?;
        let began = Instant::now();
        let measured = none_refused(send(Load {
            to: daemon.public,
            connections: 64,
            reconnect: false,
            tls: None,
            until: Until::Requests(self.scale.storm),
            bodies: bodies("storm", BREACHING),
        })?)?;
        let ended = Instant::now();
        let decided_in_storm = daemon.metric("ringdown_signals_total")?;
        let decided_at = daemon.until_decided(self.scale.storm as f64)?;
        let lag = decided_at.saturating_duration_since(ended).as_secs_f64();
        let decided = self.scale.storm as f64 / decided_at.duration_since(began).as_secs_f64();
        let peak = daemon.process().peak()?;
        std::thread::sleep(self.scale.after_storm);
        let after = daemon.process().resident()?;
        let rate = measured.per_second();
        report.facts.extend([
            (
                "storm: events accepted/s, 64 connections".to_owned(),
                format!("{rate:.0}"),
            ),
            (
                "storm: events decided/s".to_owned(),
                format!("{decided:.0}"),
            ),
            (
                "storm: decided by its end, of all".to_owned(),
                format!("{:.3}", decided_in_storm / self.scale.storm as f64),
            ),
            (
                "storm: lag back to zero after its end".to_owned(),
                format!("{lag:.2} s"),
            ),
        ]);
        let ratio = after as f64 / idle as f64;
        report.bars.extend([
            Bar::at_least(
                "events decided/s in the storm, of those accepted/s",
                0.5,
                decided / rate,
            ),
            Bar::at_most("lag back to zero after the storm, s", 5.0, lag),
            Bar::at_most("resident memory idle, MB", 30.0, megabytes(idle)),
            Bar::at_most("resident memory in the storm, MB", 150.0, megabytes(peak)),
            Bar::at_most("resident memory a minute after, of idle", 1.5, ratio),
        ]);
        for bar in report.bars.iter().rev().take(5) {
            eprintln!("{bar}");
        }
        Ok(())
    }

    /// Breaches of incidents that are open already: what repeats costs little more than what is quiet.
    pub(crate) fn breaches(&mut self, report: &mut Report) -> Fallible<()> {
        for connections in [64, 256] {
            let (mut noops, mut breaching, mut costs) = (Vec::new(), Vec::new(), Vec::new());
            for round in 0..self.scale.rounds {
                let (_noop, address) = noop()?;
                noops.push(send(self.load(address, connections, "noop"))?);
                drop(_noop);
                let daemon = self.fresh()?;
                // The incidents of all queues are opened first.
                none_refused(send(Load {
                    until: Until::Requests(QUEUES),
                    bodies: bodies(&format!("o{round}"), BREACHING),
                    ..self.load(daemon.public, 4, "")
                })?)?;
                daemon.until_decided(QUEUES as f64)?;
                let cost = |prefix: &str, waiting| -> Fallible<(Measured, f64)> {
                    let decided = daemon.metric("ringdown_signals_total")?;
                    let before = daemon.process().processor_seconds()?;
                    let measured = none_refused(send(Load {
                        bodies: bodies(&format!("{prefix}{round}"), waiting),
                        ..self.load(daemon.public, connections, "")
                    })?)?;
                    daemon.until_decided(decided + measured.accepted as f64)?;
                    let took = daemon.process().processor_seconds()? - before;
                    let per_event = took / measured.accepted as f64;
                    Ok((measured, per_event))
                };
                let (measured, breach) = cost("b", BREACHING)?;
                breaching.push(measured);
                let (_, calm) = cost("q", CALM)?;
                costs.push(breach / calm);
            }
            let name = format!("SQLite, breaches of {QUEUES} open incidents");
            let intake = Intake::new(&name, connections, &noops, &breaching);
            eprintln!("{intake}");
            let at = format!("breaches of open incidents, {connections} connections");
            for bar in [
                Bar::at_least(
                    &format!("durable 202s/s, {at}, of the no-op's"),
                    0.35,
                    intake.ratio,
                ),
                Bar::at_most(
                    &format!("p99 of a durable 202, {at}, of the no-op's"),
                    4.0,
                    intake.p99_ratio,
                ),
                Bar::at_most(
                    &format!("processor time of an event, {at}, of a quiet one's"),
                    1.5,
                    median(costs),
                ),
            ] {
                eprintln!("{bar}");
                report.bars.push(bar);
            }
            report.intakes.push(intake);
        }
        Ok(())
    }

    /// From the webhook to the confirmed ticket.
    pub(crate) fn tickets(&mut self, report: &mut Report) -> Fallible<()> {
        let daemon = self.fresh()?;
        let sent = send_paced(&daemon, self.scale.tickets)?;
        crate::daemon::wait_until("all tickets are confirmed", || {
            daemon
                .tickets()
                .is_ok_and(|tickets| tickets.len() == sent.len())
        })?;
        let mut took: Vec<u32> = daemon
            .tickets()?
            .into_iter()
            .filter_map(|(queue, at)| {
                let sent = sent.get(usize::try_from(queue).ok()?)?;
                u32::try_from(at - sent).ok()
            })
            .collect();
        took.sort_unstable();
        for (name, quantile, most) in [("p50", 0.5, 25.0), ("p99", 0.99, 60.0)] {
            let name = format!("webhook to confirmed ticket at 50/s, {name}, ms");
            let bar = Bar::at_most(&name, most, crate::figures::quantile(&took, quantile));
            eprintln!("{bar}");
            report.bars.push(bar);
        }
        Ok(())
    }

    /// Start-up, and the cost of an event, with few and with many events stored.
    pub(crate) fn growth(&mut self, report: &mut Report) -> Fallible<()> {
        let (few, many) = (self.new_folder()?, self.new_folder()?);
        let mut empty = Vec::new();
        for _ in 0..self.scale.rounds {
            let folder = self.new_folder()?;
            empty.push(self.start_in(&folder)?.ready_after.as_secs_f64() * 1e3);
        }
        self.fill(&few, self.scale.few)?;
        self.fill(&many, self.scale.many)?;
        let (mut starts, mut walls, mut processors) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.scale.rounds {
            let (_, few_wall, few_processor) = self.cost(&few, round)?;
            let (start, many_wall, many_processor) = self.cost(&many, round)?;
            starts.push(start);
            walls.push(many_wall / few_wall);
            processors.push(many_processor / few_processor);
        }
        let stored = self.scale.many;
        report.facts.push((
            format!(
                "processor time of an event with {stored} stored, of that with {}",
                self.scale.few
            ),
            format!("{:.2}", median(processors)),
        ));
        let cost = format!(
            "time of an event with {stored} stored, of that with {}",
            self.scale.few
        );
        for bar in [
            Bar::at_most("start-up to ready, empty, ms", 150.0, median(empty)),
            Bar::at_most(
                &format!("start-up to ready, {stored} events stored, ms"),
                500.0,
                median(starts),
            ),
            Bar::at_most(&cost, 1.25, median(walls)),
        ] {
            eprintln!("{bar}");
            report.bars.push(bar);
        }
        Ok(())
    }

    fn fill(&self, folder: &std::path::Path, events: u64) -> Fallible<()> {
        let daemon = self.start_in(folder)?;
        let mut bodies = bodies("fill", CALM);
        bodies.events = FILL;
        none_refused(send(Load {
            to: daemon.public,
            connections: 4,
            reconnect: false,
            tls: None,
            until: Until::Requests(events / FILL),
            bodies,
        })?)?;
        daemon.until_decided(events as f64)?;
        eprintln!("{events} events stored");
        Ok(())
    }

    /// Milliseconds to ready, and seconds and processor seconds of one event.
    fn cost(&self, folder: &std::path::Path, round: usize) -> Fallible<(f64, f64, f64)> {
        let daemon = self.start_in(folder)?;
        let before = daemon.process().processor_seconds()?;
        let measured = none_refused(send(Load {
            to: daemon.public,
            connections: 64,
            reconnect: false,
            tls: None,
            until: Until::Requests(60_000),
            bodies: bodies(&format!("cost{round}"), CALM),
        })?)?;
        let processor = daemon.process().processor_seconds()? - before;
        let events = measured.accepted as f64;
        Ok((
            daemon.ready_after.as_secs_f64() * 1e3,
            measured.took.as_secs_f64() / events,
            processor / events,
        ))
    }
}

/// Breaches, each of a queue of its own.
pub(crate) fn breaches_of_own_queues(prefix: &str) -> Bodies {
    Bodies {
        queues: u64::MAX,
        ..bodies(prefix, BREACHING)
    }
}

pub(crate) fn bodies(prefix: &str, waiting: u32) -> Bodies {
    Bodies {
        prefix: prefix.to_owned(),
        queues: QUEUES,
        waiting,
        events: 1,
        token: Some(TOKEN),
    }
}

fn intake_bars(connections: usize, intake: &Intake) -> Vec<Bar> {
    let rate = format!("durable 202s/s, {connections} connections, of the no-op's");
    if connections == 256 {
        return vec![Bar::at_least(&rate, 0.50, intake.ratio)];
    }
    let p99 = format!("p99 of a durable 202, {connections} connections, of the no-op's");
    vec![
        Bar::at_least(&rate, 0.40, intake.ratio),
        Bar::at_most(&p99, 2.0, intake.p99_ratio),
    ]
}

pub(crate) fn none_refused(measured: Measured) -> Fallible<Measured> {
    if measured.refused > 0 {
        return Err(format!("{} answers were not 202", measured.refused).into());
    }
    Ok(measured)
}

/// Sends a breach of a queue of its own every [`PACE`]; answers when each was sent, in
/// milliseconds since the epoch.
fn send_paced(daemon: &Daemon, count: u64) -> Fallible<Vec<i64>> {
    let all = breaches_of_own_queues("ticket");
    let url = format!("http://{}/webhooks/genesys", daemon.public);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let mut pace = tokio::time::interval(PACE);
        let mut sent = Vec::new();
        let mut answers = tokio::task::JoinSet::new();
        for number in 0..count {
            pace.tick().await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            sent.push(i64::try_from(now.as_millis())?);
            let request = client
                .post(&url)
                .bearer_auth(TOKEN)
                .header("content-type", "application/json")
                .body(all.body(number));
            answers.spawn(request.send());
        }
        while let Some(answer) = answers.join_next().await {
            answer??.error_for_status()?;
        }
        Ok(sent)
    })
}

/// A new database on `server`; its URL.
fn new_database(server: &str, round: usize) -> Fallible<String> {
    let name = format!("speed_{}_{round}", std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        use sqlx::Connection;
        let mut connection = sqlx::PgConnection::connect(server).await?;
        let create = sqlx::AssertSqlSafe(format!("create database {name}"));
        sqlx::query(create).execute(&mut connection).await?;
        let (base, _) = server.rsplit_once('/').ok_or("no database in the URL")?;
        Ok(format!("{base}/{name}"))
    })
}
