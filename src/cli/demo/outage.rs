//! The second act: forty queues of one site breach within seconds, and get one ticket.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::outcome::Failed;
use super::super::table::shown;
use super::lines::wrapped;
use super::script::{Narrator, QUEUES, wait};
use super::stage::{OUTAGE_SOURCE, Stage};
use crate::clock::Clock;

/// Lines of the ticket's text that are told.
const MAX_LINES: usize = 14;
/// Rest between two queues: they breach one after the other, as they would.
const STEP: Duration = Duration::from_millis(25);

/// What the outage left: its incident and its ticket.
pub(super) struct Outage {
    pub(super) members: u64,
    pub(super) ticket: String,
    pub(super) url: String,
    /// Tickets in both CRMs that came of it.
    pub(super) tickets: usize,
}

/// Plays it, and tells the ticket's text and what happened.
pub(super) async fn play(stage: &Stage, narrator: &Narrator) -> Result<Outage, Failed> {
    narrator.say("An outage: all forty queues of the site Berlin breach within seconds.");
    let before = stage.tickets();
    for queue in 0..QUEUES {
        breach(stage, queue).await?;
        tokio::time::sleep(STEP).await;
    }
    wait("the outage's ticket with all its members", || async {
        let outage = outage_of(stage).await?;
        let has_number = outage
            .pointer("/ticket/number")
            .is_some_and(Value::is_string);
        Ok(has_number && outage["members"].as_u64() >= Some(QUEUES))
    })
    .await?;
    let outage = outage_of(stage).await?;
    let text = |pointer: &str| shown(outage.pointer(pointer));
    let told = Outage {
        members: outage["members"].as_u64().unwrap_or_default(),
        ticket: text("/ticket/number"),
        url: text("/ticket/url"),
        tickets: stage.tickets().saturating_sub(before),
    };
    narrator.say(&format!(
        "  {} queues, {} ticket: {}. Its text:",
        told.members, told.tickets, told.ticket
    ));
    narrator.quote(&ticket_text(stage, &text("/ticket/id")));
    narrator.say("  What happened, as `ringdown incidents show` tells it:");
    narrator.quote(&timeline(stage, &text("/id")).await?);
    Ok(told)
}

async fn breach(stage: &Stage, queue: u64) -> Result<(), Failed> {
    let body = json!({
        "id": uuid::Uuid::new_v4().to_string(),
        "type": "telephony.queue.waiting",
        "timestamp": Clock::System.now().to_string(),
        "queue": {"id": format!("berlin-{queue:02}")},
        "metrics": [{"name": format!("Berlin {queue:02}"), "avg": 480 + queue * 3}],
    });
    match stage.send_to(OUTAGE_SOURCE, body.to_string()).await? {
        (202, _) => Ok(()),
        (status, answer) => Err(Failed::not_fine(format!(
            "an event was answered {status}: {answer}"
        ))),
    }
}

async fn outage_of(stage: &Stage) -> Result<Value, Failed> {
    let found = stage.list("incidents?key=Berlin&limit=1").await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// Subject and description of the ticket, as the simulated CRM has them.
fn ticket_text(stage: &Stage, id: &str) -> Vec<String> {
    let tickets = stage.simulator.servicenow().tickets();
    let Some(ticket) = tickets.iter().find(|one| one["sys_id"] == id) else {
        return Vec::new();
    };
    let subject = shown(ticket.get("short_description"));
    let description = ticket["description"].as_str().unwrap_or_default();
    let lines = [subject, String::new()]
        .into_iter()
        .chain(description.lines().map(str::to_owned));
    let mut lines: Vec<String> = lines.collect();
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    if more > 0 {
        lines.push(format!("… (lines left out: {more})"));
    }
    lines
}

async fn timeline(stage: &Stage, id: &str) -> Result<Vec<String>, Failed> {
    let entries = stage
        .list(&format!("incidents/{id}/timeline?limit=20"))
        .await?;
    let lines = entries.iter().flat_map(|one| {
        let at = shown(one.get("at"));
        let at = at.get(11..19).unwrap_or(&at).to_owned();
        let cause = shown(one.get("cause"));
        let separator = if cause.is_empty() { "" } else { ": " };
        let what = shown(one.get("what")).replace('_', " ");
        wrapped(&format!("{at}  {what}{separator}{cause}"), 10, 66)
    });
    Ok(lines.collect())
}
