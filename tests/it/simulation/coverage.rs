//! What a run has reached, and what it must have reached to prove anything.

use std::collections::BTreeMap;

/// Counts of what happened, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    /// What had to be reached and was not.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        MUST_BE_REACHED
            .iter()
            .copied()
            .filter(|what| !self.0.contains_key(*what))
            .collect()
    }

    /// Everything that was reached: lives as a table of states and what they met, then the
    /// rest line by line.
    pub(crate) fn table(&self) -> String {
        let rest = self.0.iter().filter(|(what, _)| life_of(what).is_none());
        let rest: String = rest
            .map(|(what, count)| format!("{count:>9}  {what}\n"))
            .collect();
        format!("{}\n{rest}", self.lives())
    }

    /// A row for each state and what it met, with what came of it and how often.
    fn lives(&self) -> String {
        let mut cells: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for (what, count) in &self.0 {
            if let Some((state, met, outcome)) = life_of(what) {
                let cell = cells.entry((state, met)).or_default();
                cell.push(format!("{outcome} {count}"));
            }
        }
        let mut text = format!("{:<10} {:<8} outcomes\n", "state", "met");
        for state in STATES {
            let row = cells.iter().filter(|((of, _), _)| *of == state);
            for ((_, met), outcomes) in row {
                text += &format!("{state:<10} {met:<8} {}\n", outcomes.join(" · "));
            }
        }
        text
    }
}

/// The states of the table, in the order of life.
const STATES: [&str; 5] = ["none", "pending", "open", "flapping", "recovered"];

/// State, what it met, and the outcome, of a line about a life.
fn life_of(line: &str) -> Option<(&str, &str, &str)> {
    let (state, rest) = line.strip_prefix("life: ")?.split_once(" + ")?;
    let (met, outcome) = rest.split_once(" = ")?;
    STATES.contains(&state).then_some((state, met, outcome))
}

/// States × outcomes of an incident's life, failure kinds × remedies, faults, and crashes at
/// the points where they hurt.
const MUST_BE_REACHED: &[&str] = &[
    "life: none + breach = opened",
    "life: none + breach = pending",
    "life: none + breach = burst_lock",
    "life: pending + breach = pending",
    "life: pending + breach = opened",
    "life: pending + clear = clearing",
    "life: pending + clear = recovered",
    "life: pending + between = between",
    "life: pending + any = out_of_order",
    "life: pending + time = open",
    "life: pending + time = closed",
    "life: open + breach = active_incident",
    "life: open + breach = commented",
    "life: open + clear = clearing",
    "life: open + clear = recovered",
    "life: open + between = between",
    "life: open + any = out_of_order",
    "life: open + time = recovered",
    "life: open + time = closed",
    "life: recovered + breach = relapsed",
    "life: recovered + clear = recovered",
    "life: recovered + between = between",
    "life: recovered + any = out_of_order",
    "life: recovered + time = closed",
    "failure: network_failure, retry",
    "failure: rate_limited, pause for a named time",
    "failure: rate_limited, pause",
    "failure: auth_failure, hold",
    "failure: integration_failure, retry",
    "failure: integration_failure, hold",
    "failure: integration_failure, give up",
    "failure: schema_mismatch, review",
    "parked: for the target",
    "parked: alone",
    "given up: integration_failure",
    "fault: the answer was lost after the commit",
    "fault: 5xx before the commit",
    "fault: 5xx after the commit",
    "fault: success without an id",
    "fault: no answer in time",
    "fault: committed after the client had given up",
    "fault: not found at once",
    "fault: the CRM is down",
    "fault: rate limited, for no time at all",
    "fault: rate limited, for a short time",
    "fault: rate limited, for a long time",
    "fault: a field is refused by name",
    "fault: a field is refused, and not named",
    "fault: a refusal of any class, in doubt",
    "fault: a refusal of any class, after the commit",
    "class: ticket, resolved by time",
    "class: ticket, resolved by a person in the CRM",
    "class: ticket, resolved by a person in the configuration",
    "class: ticket, resolved by nothing",
    "class: user, resolved by time",
    "class: user, resolved by a person in the CRM",
    "class: user, resolved by a person in the configuration",
    "class: user, resolved by nothing",
    "class: configuration, resolved by time",
    "class: configuration, resolved by a person in the CRM",
    "class: configuration, resolved by a person in the configuration",
    "class: configuration, resolved by nothing",
    "class: organisation, resolved by time",
    "class: organisation, resolved by a person in the CRM",
    "class: organisation, resolved by a person in the configuration",
    "class: organisation, resolved by nothing",
    "class: network, resolved by time",
    "class: network, resolved by a person in the CRM",
    "class: network, resolved by a person in the configuration",
    "class: network, resolved by nothing",
    "condition: every call fails",
    "condition: reads succeed and writes fail",
    "condition: every create is refused",
    "condition: the login is refused",
    "condition: one ticket is refused",
    "condition: one record is locked",
    "condition: one field is refused",
    "condition: rate limited",
    "condition: two answers take turns",
    "condition: several at once",
    "condition: the response of the first write after it is lost",
    "canary: sent",
    "canary: its outcome is in doubt",
    "woken: after a hold",
    "woken: after a pause",
    "woken: after the circuit was open",
    "evidence: refusals of several tickets are about the target",
    "evidence: a failure of the target is about one ticket",
    "ticket: created without a refused field",
    "restart: with another configuration",
    "restart: with other templates",
    "restart or replay: a create is rendered again",
    "restart or replay: a change is rendered again",
    "live: a dead letter was delivered without a person",
    "live: what waited for the target was delivered",
    "live: what was parked alone was delivered",
    "live: an open incident has its ticket",
    "live: an open outage or flood has its ticket",
    "crash: at any time",
    "crash: before the batch is kept",
    "crash: after the batch is kept",
    "crash: create claimed, not sent",
    "crash: create done in the CRM, not settled",
    "crash: update claimed, not sent",
    "crash: update done in the CRM, not settled",
    "crash: resolve claimed, not sent",
    "crash: resolve done in the CRM, not settled",
    "crash: during a look-up",
    "clock: an hour forward",
    "clock: an hour back",
    "person: replays a dead letter",
    "person: replays a dead letter as it is stored",
    "person: discards a dead letter",
    "journal: a repetition",
    "outbox: dead letters taken up again",
    "failover: a new ticket goes to the next target at once",
    "failover: a waiting create is moved",
    "failover: a parked create is moved",
    "failover: a waiting update is moved",
    "failover: a waiting resolve is moved",
    "failover: a create in doubt stays",
    "life: none + breach = opened, flapping",
    "life: recovered + breach = flapping",
    "life: pending + time = flapping",
    "life: flapping + breach = active_incident",
    "life: flapping + breach = commented",
    "life: flapping + clear = flapping held",
    "life: flapping + between = between",
    "life: flapping + any = out_of_order",
    "life: flapping + time = recovered",
    "life: flapping + time = closed",
    "life: none + breach = silenced",
    "life: pending + breach = silenced",
    "life: pending(silenced) + breach = silenced",
    "life: pending(silenced) + breach = opened",
    "life: pending(silenced) + clear = clearing",
    "life: pending(silenced) + clear = recovered",
    "life: pending(silenced) + time = open",
    "life: pending(silenced) + time = closed",
    "person: makes a silence",
    "person: ends a silence",
    "life: none + breach = flood",
    "life: pending + breach = flood",
    "life: pending(flood) + breach = flood",
    "life: pending(flood) + clear = clearing",
    "life: pending(flood) + clear = recovered",
    "life: pending(flood) + time = open",
    "life: pending(flood) + time = closed",
    "flood: held = open",
    "flood: held = closed",
    "flood: held = member of an outage",
    "flood: open = closed",
    "person: releases a flood",
    "person: discards a flood",
    // An outage that is over before its burst lock has ended is too rare here, since a person who
    // discards a create ends the lock. A test in `outages` plays it.
    "outage: none + members = open",
    "outage: none + members = pending",
    "outage: open + member joined",
    "outage: open + member over",
    "outage: open + members over = closed",
    "outage: open + members over = recovered",
    "outage: recovered + breach = open",
    "outage: recovered + time = closed",
    "outage: open + given up = closed",
    "member: pending = held",
    "member: open = linked",
    "member: held + over = closed",
    "member: held + given up = let go",
    "member: with a ticket + outage over = resolved",
    "link: waits for the outage's ticket",
    "link: done in one CRM",
    "link: told in a comment of another CRM",
    "link: discarded with the outage's create",
    "crash: link done in the CRM, not settled",
];
