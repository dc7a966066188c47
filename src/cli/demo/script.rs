//! The demo's script: what happens, when, and what is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::columns::cut;
use super::super::outcome::Failed;
use super::super::print;
use super::super::progress::Progress;
use super::super::storm::{Rate, Shape, StormArgs, StormReport, storm};
use super::super::table::shown;
use super::crms::CRMS;
use super::lines::wrapped;
use super::stage::{Stage, TOKEN};
use super::summary::{Summary, counts, fill, resolved};
use crate::clock::Clock;
use ringdown_simulator::{Fault, FaultKind, Trigger};

/// Queues that breach in the storm, the first two included.
pub(super) const QUEUES: u64 = 40;
/// Queues that have their tickets in one CRM.
pub(super) const QUEUES_OF_A_CRM: u64 = QUEUES / CRMS.len() as u64;
/// Events of the storm.
const STORM: u64 = 4000;
/// Longest wait for anything that has to happen.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often the daemon is asked.
const LOOK: Duration = Duration::from_millis(100);

/// Tells what happens, with the time since the beginning.
pub(super) struct Narrator {
    started: Instant,
}

impl Narrator {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    pub(super) fn say(&self, text: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let indent = text.len() - text.trim_start().len();
        let lines = wrapped(text, indent, WIDTH - BEFORE.len());
        for (number, line) in lines.iter().enumerate() {
            match number {
                0 => print(&format!("{seconds:>5.1} s  {line}")),
                _ => print(&format!("{BEFORE}{line}")),
            }
        }
    }

    /// Lines of somebody else's text.
    pub(super) fn quote(&self, lines: &[String]) {
        for line in lines {
            let line = cut(line, WIDTH - BEFORE.len() - 4);
            print(format!("{BEFORE}  | {line}").trim_end());
        }
    }
}

/// Columns of the narrowest terminal.
const WIDTH: usize = 80;
/// Where the time stands in the first line.
const BEFORE: &str = "         ";

/// Plays the outage.
pub(super) async fn play(stage: &Stage, narrator: &Narrator) -> Result<Summary, Failed> {
    let mut summary = Summary::default();
    summary.sent += calm_and_two_breaches(stage, narrator).await?;
    let storm = storm_while_salesforce_is_down(stage, narrator).await?;
    summary.sent += storm.accepted;
    summary.repeated = storm.duplicates;
    summary.parked_seen = parked(stage, narrator).await?;
    salesforce_returns(stage, narrator).await?;
    summary.sent += recovery(stage, narrator).await?;
    fill(stage, &mut summary).await?;
    summary.elapsed = narrator.started.elapsed();
    Ok(summary)
}

/// Answers how many events it sent.
async fn calm_and_two_breaches(stage: &Stage, narrator: &Narrator) -> Result<u64, Failed> {
    narrator.say("Calm. Queues wait 20 to 90 s; events are received, kept and decided.");
    let calm = [20.0, 34.0, 48.0, 62.0, 76.0, 90.0];
    for (queue, average) in (0..).zip(calm) {
        event(stage, queue, average).await?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    narrator.say("Two queues breach: more than 300 s. A ticket each, one in each CRM.");
    for queue in 0..2 {
        event(stage, queue, 412.5).await?;
    }
    tickets(stage, 1).await?;
    // Salesforce does not tell the number in its answer to a create; it is read afterwards.
    wait("the numbers of the tickets", || async {
        let incidents = stage.list("incidents?limit=500").await?;
        let has_number = |one: &Value| one.pointer("/ticket/number").is_some_and(Value::is_string);
        Ok(incidents.iter().all(has_number))
    })
    .await?;
    narrator.say(&format!("  Confirmed: {}.", numbers(stage).await?));
    Ok(calm.len() as u64 + 2)
}

async fn storm_while_salesforce_is_down(
    stage: &Stage,
    narrator: &Narrator,
) -> Result<StormReport, Failed> {
    narrator.say("Salesforce goes down.");
    let down = Fault::new(FaultKind::Down, Trigger::Always);
    stage.simulator.salesforce().add_fault(down);
    narrator.say("The storm: 40 queues, 4,000 events, a tenth of the requests sent twice.");
    let progress = Arc::new(Progress::new(STORM));
    let report = storm(storm_args(stage), Some(Arc::clone(&progress))).await?;
    progress.clear();
    narrator.say(&format!(
        "  {} accepted, {} duplicates; half of the answers within {:.1} ms while a CRM is down",
        report.accepted,
        report.duplicates,
        report.latency(0.5).as_secs_f64() * 1000.0
    ));
    let (status, _) = stage.send("{\"id\": \"cut off".to_owned()).await?;
    narrator.say(&format!(
        "  A body cut off: {status}, and kept for a person to look at."
    ));
    let drifted =
        json!({"id": "drift-1", "type": "telephony.queue.waiting", "metrics": [{"avg": 500}]});
    let (status, answer) = stage.send(drifted.to_string()).await?;
    narrator.say(&format!(
        "  An event without its queue: {status} {answer}; no ticket with a blank in it."
    ));
    wait("ServiceNow's tickets", || async {
        Ok(confirmed(stage, "servicenow").await? >= QUEUES_OF_A_CRM)
    })
    .await?;
    narrator.say(&format!(
        "  ServiceNow has {} tickets: a dead CRM does not slow the other.",
        confirmed(stage, "servicenow").await?
    ));
    Ok(report)
}

/// Waits for parked deliveries. Returns how many there are.
async fn parked(stage: &Stage, narrator: &Narrator) -> Result<usize, Failed> {
    const PARKED: &str = "deliveries?state=parked&limit=500";
    wait("parked deliveries", || async {
        Ok(!stage.list(PARKED).await?.is_empty())
    })
    .await?;
    let parked = stage.list(PARKED).await?;
    narrator.say(&format!(
        "  {} deliveries are parked {}.",
        parked.len(),
        text(parked.first(), "waits_for"),
    ));
    Ok(parked.len())
}

async fn salesforce_returns(stage: &Stage, narrator: &Narrator) -> Result<(), Failed> {
    narrator.say("Salesforce is back. Nobody touches anything.");
    stage.simulator.salesforce().clear_faults();
    tickets(stage, QUEUES_OF_A_CRM).await?;
    wait("parked deliveries to be sent", || async {
        Ok(stage.list("deliveries?state=parked").await?.is_empty())
    })
    .await?;
    narrator.say(&format!(
        "  The parked deliveries were sent by themselves; Salesforce {} tickets, ServiceNow {}.",
        stage.simulator.salesforce().tickets().len(),
        stage.simulator.servicenow().tickets().len(),
    ));
    Ok(())
}

/// Answers how many events it sent.
async fn recovery(stage: &Stage, narrator: &Narrator) -> Result<u64, Failed> {
    narrator.say("Recovery: every queue is below 240 s again, for long enough.");
    for queue in 0..QUEUES {
        event(stage, queue, 60.0).await?;
    }
    wait("every ticket to be resolved", || async {
        Ok(resolved(stage)
            .values()
            .all(|count| *count as u64 >= QUEUES_OF_A_CRM))
    })
    .await?;
    narrator.say(&format!("  Resolved: {}.", counts(&resolved(stage))));
    Ok(QUEUES)
}

fn storm_args(stage: &Stage) -> StormArgs {
    StormArgs {
        url: stage.webhook("genesys"),
        authorization: Some(format!("Bearer {TOKEN}")),
        events: STORM,
        queues: QUEUES,
        duplicates: 10.0,
        breaching: 100.0,
        rate: Rate::PerSecond(800),
        connections: 16,
        new_connections: false,
        repeat_refused: true,
        batch: 1,
        shape: Shape::Guide,
        prefix: "Billing".to_owned(),
        seed: 7,
        i_own_this_host: false,
    }
}

/// One event of the queue with this number, as the storm names them.
async fn event(stage: &Stage, queue: u64, average: f64) -> Result<(), Failed> {
    let body = json!({
        "id": uuid::Uuid::new_v4().to_string(),
        "type": "telephony.queue.waiting",
        "timestamp": Clock::System.now().to_string(),
        "queue": {"id": format!("billing-{queue:04}")},
        "metrics": [{"name": format!("Billing {queue:04}"), "avg": average}],
    });
    match stage.send(body.to_string()).await? {
        (202, _) => Ok(()),
        (status, answer) => Err(Failed::not_fine(format!(
            "an event was answered {status}: {answer}"
        ))),
    }
}

/// Waits until the daemon has confirmed `count` tickets in each CRM.
async fn tickets(stage: &Stage, count: u64) -> Result<(), Failed> {
    wait("tickets in both CRMs", || async {
        Ok(confirmed(stage, "salesforce").await? >= count
            && confirmed(stage, "servicenow").await? >= count)
    })
    .await
}

/// How many tickets the daemon has confirmed in `target`.
async fn confirmed(stage: &Stage, target: &str) -> Result<u64, Failed> {
    let incidents = stage
        .list(&format!("incidents?limit=500&target={target}"))
        .await?;
    let has_ticket =
        |incident: &&Value| incident.pointer("/ticket/id").is_some_and(Value::is_string);
    Ok(incidents.iter().filter(has_ticket).count() as u64)
}

/// The tickets' numbers by target, as the daemon knows them.
async fn numbers(stage: &Stage) -> Result<String, Failed> {
    let mut by_target: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for incident in stage.list("incidents?limit=500").await? {
        by_target
            .entry(shown(incident.pointer("/ticket/target")))
            .or_default()
            .push(shown(incident.pointer("/ticket/number")));
    }
    let parts: Vec<String> = by_target
        .iter()
        .map(|(target, numbers)| format!("{target} {}", numbers.join(", ")))
        .collect();
    Ok(parts.join("; "))
}

pub(super) async fn wait<F, Fut>(what: &str, mut reached: F) -> Result<(), Failed>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<bool, Failed>>,
{
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if reached().await? {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(Failed::not_fine(format!(
        "waited {} s in vain for {what}",
        PATIENCE.as_secs()
    )))
}

fn text(item: Option<&Value>, name: &str) -> String {
    shown(item.and_then(|item| item.get(name)))
}
