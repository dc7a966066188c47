//! The demo's script: what happens, when, and what is told of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::outcome::Failed;
use super::super::print;
use super::super::storm::{Rate, Shape, StormArgs, storm};
use super::stage::{Stage, TOKEN};
use crate::clock::Clock;
use crate::simulator::{Fault, FaultKind, Trigger};

/// Queues that breach in the storm, the first two included.
const QUEUES: u64 = 40;
/// Longest wait for anything that has to happen.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often the daemon is asked.
const LOOK: Duration = Duration::from_millis(100);

/// What the demo showed, counted by the daemon and the simulated CRMs.
#[derive(Debug, Default)]
pub(super) struct Summary {
    tickets: BTreeMap<&'static str, usize>,
    resolved: BTreeMap<&'static str, usize>,
    accepted: f64,
    duplicates: f64,
    review: usize,
    suppressed: BTreeMap<String, f64>,
    dead_letters_seen: usize,
    dead_letters_left: usize,
    token_calls: usize,
    times_to_ticket: (f64, f64),
    elapsed: Duration,
}

/// Tells what happens, with the time since the beginning.
struct Narrator {
    started: Instant,
}

impl Narrator {
    fn say(&self, text: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        print(&format!("{seconds:>5.1} s  {text}"));
    }
}

/// Plays the outage.
pub(super) async fn play(stage: &Stage) -> Result<Summary, Failed> {
    let narrator = Narrator {
        started: Instant::now(),
    };
    let mut summary = Summary::default();
    calm_and_two_breaches(stage, &narrator).await?;
    storm_while_salesforce_is_down(stage, &narrator).await?;
    summary.dead_letters_seen = dead_letters(stage, &narrator).await?;
    salesforce_returns(stage, &narrator).await?;
    recovery(stage, &narrator).await?;
    fill(stage, &mut summary).await?;
    summary.elapsed = narrator.started.elapsed();
    Ok(summary)
}

async fn calm_and_two_breaches(stage: &Stage, narrator: &Narrator) -> Result<(), Failed> {
    narrator.say("Calm. Queues wait 20 to 90 s; events are received, kept and decided.");
    for (queue, average) in [20.0, 34.0, 48.0, 62.0, 76.0, 90.0].into_iter().enumerate() {
        event(stage, queue as u64, average).await?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    narrator.say("Two queues breach: more than 300 s. A ticket each, in each CRM.");
    for queue in 0..2 {
        event(stage, queue, 412.5).await?;
    }
    tickets(stage, 2).await?;
    narrator.say("  2 tickets in Salesforce, 2 in ServiceNow, every one confirmed by its id.");
    Ok(())
}

async fn storm_while_salesforce_is_down(stage: &Stage, narrator: &Narrator) -> Result<(), Failed> {
    narrator.say("Salesforce goes down.");
    let down = Fault::new(FaultKind::Down, Trigger::Always);
    stage.simulator.salesforce().add_fault(down);
    narrator.say(
        "The storm: 40 queues, 4,000 events, a tenth of them sent twice, garbage between them.",
    );
    let report = storm(storm_args(stage), None).await?;
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
        Ok(stage.simulator.servicenow().tickets().len() as u64 >= QUEUES)
    })
    .await?;
    narrator.say("  ServiceNow has its 40 tickets: a dead CRM does not slow the other.");
    Ok(())
}

/// Waits for dead letters and answers how many there are.
async fn dead_letters(stage: &Stage, narrator: &Narrator) -> Result<usize, Failed> {
    wait("dead letters", || async {
        Ok(!stage.list("dead-letters").await?.is_empty())
    })
    .await?;
    let dead = stage.list("dead-letters?limit=500").await?;
    narrator.say(&format!(
        "  Retried after 1, 2 and 4 s, then {} dead letters ({}: {}).",
        dead.len(),
        text(dead.first(), "kind"),
        text(dead.first(), "message"),
    ));
    Ok(dead.len())
}

async fn salesforce_returns(stage: &Stage, narrator: &Narrator) -> Result<(), Failed> {
    narrator.say("Salesforce is back. Nobody touches anything.");
    stage.simulator.salesforce().clear_faults();
    tickets(stage, QUEUES).await?;
    wait("dead letters to be resumed", || async {
        Ok(stage.list("dead-letters").await?.is_empty())
    })
    .await?;
    narrator.say("  The dead letters resumed by themselves; 40 tickets in each CRM, none twice.");
    Ok(())
}

async fn recovery(stage: &Stage, narrator: &Narrator) -> Result<(), Failed> {
    narrator.say("Recovery: every queue is below 240 s again, for long enough.");
    for queue in 0..QUEUES {
        event(stage, queue, 60.0).await?;
    }
    wait("every ticket to be resolved", || async {
        Ok(resolved(stage)
            .values()
            .all(|count| *count as u64 >= QUEUES))
    })
    .await?;
    narrator.say("  Every ticket is resolved in its CRM, with what happened on it.");
    Ok(())
}

fn storm_args(stage: &Stage) -> StormArgs {
    StormArgs {
        url: stage.webhook(),
        authorization: Some(format!("Bearer {TOKEN}")),
        events: 4000,
        queues: QUEUES,
        duplicates: 10.0,
        breaching: 100.0,
        rate: Rate::PerSecond(800),
        connections: 16,
        new_connections: false,
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

/// Waits until both CRMs have `count` tickets.
async fn tickets(stage: &Stage, count: u64) -> Result<(), Failed> {
    wait("tickets in both CRMs", || async {
        Ok(stage.simulator.salesforce().tickets().len() as u64 >= count
            && stage.simulator.servicenow().tickets().len() as u64 >= count)
    })
    .await
}

async fn wait<F, Fut>(what: &str, mut reached: F) -> Result<(), Failed>
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
    super::super::table::shown(item.and_then(|item| item.get(name)))
}

/// Tickets that count as resolved, by CRM.
fn resolved(stage: &Stage) -> BTreeMap<&'static str, usize> {
    let salesforce = stage.simulator.salesforce().tickets();
    let servicenow = stage.simulator.servicenow().tickets();
    let is_closed = |ticket: &&Value| ticket.get("IsClosed") == Some(&json!(true));
    let is_resolved = |ticket: &&Value| ticket.get("state") == Some(&json!("6"));
    BTreeMap::from([
        ("Salesforce", salesforce.iter().filter(is_closed).count()),
        ("ServiceNow", servicenow.iter().filter(is_resolved).count()),
    ])
}

async fn fill(stage: &Stage, summary: &mut Summary) -> Result<(), Failed> {
    let simulator = &stage.simulator;
    summary.tickets = BTreeMap::from([
        ("Salesforce", simulator.salesforce().tickets().len()),
        ("ServiceNow", simulator.servicenow().tickets().len()),
    ]);
    summary.resolved = resolved(stage);
    summary.token_calls =
        simulator.salesforce().token_calls() + simulator.servicenow().token_calls();
    summary.review = stage.list("review?limit=500").await?.len();
    summary.dead_letters_left = stage.list("dead-letters").await?.len();
    let metrics = stage.metrics().await?;
    let value = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
    summary.accepted = value("ringdown_events_total{source=\"genesys\",outcome=\"accepted\"}");
    summary.duplicates = value("ringdown_events_total{source=\"genesys\",outcome=\"duplicate\"}");
    for (name, count) in &metrics {
        if let Some(reason) = name
            .strip_prefix("ringdown_suppressed_total")
            .and_then(|labels| labels.split("reason=\"").nth(1))
        {
            let reason = reason.trim_end_matches("\"}").to_owned();
            *summary.suppressed.entry(reason).or_default() += count;
        }
    }
    summary.times_to_ticket = (
        value("ringdown_time_to_ticket_seconds_count"),
        median(&metrics),
    );
    Ok(())
}

/// The bucket of the histogram in which the median lies: its upper bound, in seconds.
fn median(metrics: &BTreeMap<String, f64>) -> f64 {
    let mut buckets: Vec<(f64, f64)> = metrics
        .iter()
        .filter_map(|(name, count)| {
            let bound = name.strip_prefix("ringdown_time_to_ticket_seconds_bucket{le=\"")?;
            Some((bound.trim_end_matches("\"}").parse().ok()?, *count))
        })
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = buckets.last().map_or(0.0, |(_, count)| count / 2.0);
    buckets
        .iter()
        .find(|(_, count)| *count >= half)
        .map_or(0.0, |(bound, _)| *bound)
}

impl Summary {
    /// One ticket per breached queue in each CRM, all resolved, both misfits in review, dead
    /// letters seen and none left.
    pub(super) fn is_as_it_should_be(&self) -> bool {
        let all = |counts: &BTreeMap<&str, usize>| {
            counts.len() == 2 && counts.values().all(|count| *count as u64 == QUEUES)
        };
        all(&self.tickets)
            && all(&self.resolved)
            && self.review == 2
            && self.dead_letters_seen > 0
            && self.dead_letters_left == 0
            && self.duplicates > 0.0
            && self.suppressed.get("active_incident").copied() > Some(0.0)
    }

    /// The summary for the terminal.
    pub(super) fn describe(&self) -> String {
        let counts = |counts: &BTreeMap<&str, usize>| {
            counts
                .iter()
                .map(|(crm, count)| format!("{crm} {count}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let suppressed: Vec<String> = self
            .suppressed
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let verdict = if self.is_as_it_should_be() {
            "As it should be: one ticket per breached queue in each CRM."
        } else {
            "NOT as it should be."
        };
        format!(
            "\nSummary after {:.0} s\n  breached queues       {QUEUES}\n  tickets               {}\n  resolved by recovery  {}\n  events accepted       {}\n  duplicates            {}\n  suppressed breaches   {}\n  review items          {}\n  dead letters          {} seen, {} left\n  logins at the CRMs    {}\n  tickets confirmed     {}; half of them within {} s of their event\n{verdict}",
            self.elapsed.as_secs_f64(),
            counts(&self.tickets),
            counts(&self.resolved),
            self.accepted,
            self.duplicates,
            suppressed.join(", "),
            self.review,
            self.dead_letters_seen,
            self.dead_letters_left,
            self.token_calls,
            self.times_to_ticket.0,
            self.times_to_ticket.1,
        )
    }
}
