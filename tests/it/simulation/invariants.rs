//! The promises, each of which must hold after every step, or at the end.
//!
//! They are judged from the rows of the database and the CRMs' own records, never from what
//! the code under test says of itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use ringdown::domain::incident::{Incident, IncidentState, Verdict};
use ringdown::domain::ticket::TicketKey;
use ringdown::settings::{OnRecovery, Settings};

use crate::simulation::coverage::Coverage;
use crate::simulation::crm::Record;
use crate::simulation::failover;
use crate::simulation::flapping::{self, Calm};
use crate::simulation::floods;
use crate::simulation::life;
use crate::simulation::liveness;
use crate::simulation::outages;
use crate::simulation::readings::Reading;
use crate::simulation::snapshot::{Delivery, Kept, Snapshot};
use crate::simulation::world::{Broken, Target};

/// The rules of `ringdown.toml`.
const RULES: [&str; 3] = ["wide", "plain", "high"];

/// No two tickets about a source's flood within this time.
const FLOOD_LOCK: Duration = Duration::from_secs(60);

/// What the promises depend on and what must be remembered to judge them.
pub(crate) struct Watch {
    locks: HashMap<String, Duration>,
    resolves: HashMap<String, bool>,
    calm: Calm,
    /// Deliveries that a person has replayed: they may come after later ones.
    replayed: BTreeSet<i64>,
    /// The last delivery before each time the clock was set back.
    set_back_after: Vec<i64>,
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Watch {
    pub(crate) fn new(settings: &Settings) -> Self {
        let rules = settings.rules.iter();
        let outages = settings.outages.iter();
        let named = |name: &String| format!("outage:{name}");
        let locks = outages
            .clone()
            .map(|(name, outage)| (named(name), outage.burst_lock));
        let resolves = outages.map(|(name, outage)| {
            let resolves = outage.on_recovery == OnRecovery::Resolve;
            (named(name), resolves)
        });
        Self {
            locks: rules
                .clone()
                .map(|rule| (rule.name.clone(), rule.burst_lock))
                .chain(locks)
                .chain([(floods::rule(), FLOOD_LOCK)])
                .collect(),
            resolves: rules
                .map(|rule| (rule.name.clone(), rule.on_recovery == OnRecovery::Resolve))
                .chain(resolves)
                .chain([(floods::rule(), true)])
                .collect(),
            calm: flapping::calm_of(settings),
            replayed: BTreeSet::new(),
            set_back_after: Vec::new(),
        }
    }

    pub(crate) fn note_clock_set_back(&mut self, now: &Snapshot) {
        let last = now.deliveries.last().map_or(0, |delivery| delivery.id);
        self.set_back_after.push(last);
    }

    pub(crate) fn note_replay(&mut self, delivery: i64) {
        self.replayed.insert(delivery);
    }

    /// What must hold after every step.
    pub(crate) fn check(
        &self,
        before: &Snapshot,
        now: &Snapshot,
        targets: &[Target],
        sent: &[Reading],
        coverage: &mut Coverage,
    ) -> Result<(), Broken> {
        life::note(before, now, sent, coverage);
        floods::note(before, now, coverage);
        failover::note(before, now, coverage);
        failover::one_ticket_in_all(now, targets)?;
        one_incident_per_key(now)?;
        flapping::check(&self.calm, before, now)?;
        outages::check(before, now)?;
        floods::check(now)?;
        none_heard_twice(now, sent)?;
        self.one_create_per_lock(now)?;
        for target in targets {
            let records = target.crm.records();
            one_ticket_per_incident(target.name, &records)?;
            for kept in now
                .incidents
                .iter()
                .filter(|kept| kept.target == target.name)
            {
                failover::is_marked(kept)?;
                let owed = now.of_incident(kept.life.id.as_str());
                let owed: Vec<&Delivery> = owed.filter(|owed| owed.target == target.name).collect();
                let key = TicketKey::of_incident(&kept.life.id);
                let record = records.iter().find(|record| record.key == key);
                self.in_order(&owed, record)?;
                done_means_done(kept, &owed, record)?;
            }
        }
        Ok(())
    }

    /// Two tickets of a key are opened at least a burst lock apart, as the clock says. Where
    /// it was set back in between, it does not say.
    fn one_create_per_lock(&self, now: &Snapshot) -> Result<(), Broken> {
        let mut last: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for create in now
            .deliveries
            .iter()
            .filter(|owed| owed.operation == "create")
            // A person who discards a create releases its key: there is no ticket to be apart from.
            .filter(|owed| owed.state != "discarded" || owed.is_moved())
            .filter(|owed| seen.insert(&owed.incident_id))
        {
            let Some(kept) = now.incident(&create.incident_id) else {
                return Err(format!("delivery {} is of no incident", create.id));
            };
            let life = &kept.life;
            let Some(at) = now.opened.get(life.id.as_str()).copied() else {
                return Err(format!(
                    "no history tells when delivery {} opened",
                    create.id
                ));
            };
            let lock = i64::try_from(self.locks[&*life.rule].as_millis()).unwrap();
            let earlier = last.insert((&life.rule, &life.key), (at, create.id));
            if let Some((earlier, id)) = earlier {
                let set_back = |last: &i64| (id..create.id).contains(last);
                let apart = at - earlier >= lock
                    || earlier - at > lock
                    || self.set_back_after.iter().any(set_back);
                ensure(apart, || {
                    format!(
                        "rule {} opened two tickets for one key {} ms apart, within its burst \
                         lock of {lock} ms (delivery {})",
                        life.rule,
                        at - earlier,
                        create.id
                    )
                })?;
            }
        }
        Ok(())
    }

    /// What was written to a ticket stands there in the order in which it was owed, once.
    fn in_order(&self, owed: &[&Delivery], record: Option<&Record>) -> Result<(), Broken> {
        let Some(record) = record else { return Ok(()) };
        let mut newest = 0;
        let mut seen = BTreeSet::new();
        for mark in &record.marks {
            ensure(seen.insert(mark), || {
                format!("one comment was written twice to ticket {}", record.id)
            })?;
            let Some(delivery) = owed.iter().find(|delivery| delivery.mark == *mark) else {
                return Err(format!("ticket {} got what nobody owed it", record.id));
            };
            // A link waits for the outage's ticket, and keeps nothing else waiting.
            if self.replayed.contains(&delivery.id) || delivery.operation == "link" {
                continue;
            }
            ensure(delivery.id > newest, || {
                format!(
                    "ticket {} got {} {} after delivery {newest}, which was owed later",
                    record.id, delivery.operation, delivery.id
                )
            })?;
            newest = delivery.id;
        }
        Ok(())
    }

    /// What must hold once nothing goes wrong any more and everything due is done.
    pub(crate) fn at_rest(&self, now: &Snapshot) -> Result<(), Broken> {
        for delivery in &now.deliveries {
            let resting = match delivery.state.as_str() {
                "waiting" => now.is_blocked(delivery),
                "sending" => false,
                "dead" => delivery.error_kind.is_some() && delivery.last_error.is_some(),
                _ => true,
            };
            ensure(resting, || {
                format!(
                    "delivery {} ({}) is left {}, error {:?}",
                    delivery.id, delivery.operation, delivery.state, delivery.last_error
                )
            })?;
        }
        Ok(())
    }

    /// What must hold when the longest wait has passed since nothing goes wrong any more, and no
    /// person has done anything.
    pub(crate) fn is_live(&self, now: &Snapshot, targets: &[Target]) -> Result<(), Broken> {
        liveness::check(now, targets, |life| self.resolves[&*life.rule])
    }

    /// What must hold when a person has settled every dead letter too.
    pub(crate) fn at_the_end(
        &self,
        now: &Snapshot,
        targets: &[Target],
        sent: &[Reading],
    ) -> Result<(), Broken> {
        for delivery in &now.deliveries {
            let settled = matches!(delivery.state.as_str(), "done" | "discarded");
            ensure(settled, || {
                format!("delivery {} is {} at the end", delivery.id, delivery.state)
            })?;
        }
        for kept in &now.incidents {
            self.well_ended(kept, now, targets)?;
        }
        decided_once(now, sent)
    }

    /// Whether it was a member of an outage that resolves what was linked to it.
    fn resolves_by_outage(&self, life: &Incident, now: &Snapshot) -> bool {
        let outage = life
            .outage_id
            .as_ref()
            .and_then(|id| now.incident(id.as_str()));
        outage.is_some_and(|outage| self.resolves[&*outage.life.rule])
    }

    fn well_ended(&self, kept: &Kept, now: &Snapshot, targets: &[Target]) -> Result<(), Broken> {
        let life = &kept.life;
        let told = |what: &str| format!("incident of rule {}: {what}", life.rule);
        ensure(life.state == IncidentState::Closed, || {
            told(&format!("{} at the end", life.state))
        })?;
        let owed = now.of_incident(life.id.as_str());
        let owed: Vec<&Delivery> = owed.filter(|owed| !owed.is_moved()).collect();
        let creates: Vec<&&Delivery> = owed
            .iter()
            .filter(|delivery| delivery.operation == "create")
            .collect();
        let opened = now.opened.contains_key(life.id.as_str());
        ensure(creates.len() == usize::from(opened), || {
            told(&format!("opened: {opened}, creates: {}", creates.len()))
        })?;
        let Some(create) = creates.first() else {
            return ensure(owed.is_empty(), || told("owes to a ticket it never had"));
        };
        let records = targets
            .iter()
            .find(|target| target.name == kept.target)
            .map(|target| target.crm.records())
            .unwrap_or_default();
        let key = TicketKey::of_incident(&life.id);
        let record = records.iter().find(|record| record.key == key);
        if create.state == "discarded" {
            return ensure(create.last_error.is_some(), || {
                told("discarded without a reason")
            });
        }
        let Some(record) = record else {
            return Err(told("has no ticket"));
        };
        let resolve = owed.iter().find(|delivery| delivery.operation == "resolve");
        ensure(
            resolve.is_some() || !self.resolves[&*life.rule] || life.recovered_at.is_none(),
            || told("recovered, and no resolution is owed"),
        )?;
        if let Some(resolve) = resolve {
            ensure(
                self.resolves[&*life.rule] || self.resolves_by_outage(life, now),
                || told("its resolution is owed, and nobody asked for it"),
            )?;
            return ensure(record.closed || resolve.state == "discarded", || {
                told("recovered, and its ticket is not resolved")
            });
        }
        ensure(!record.closed, || {
            told("its ticket is resolved, and nobody asked for it")
        })
    }
}

fn one_incident_per_key(now: &Snapshot) -> Result<(), Broken> {
    let mut seen = BTreeSet::new();
    for life in now.incidents.iter().map(|kept| &kept.life) {
        if life.state != IncidentState::Closed {
            ensure(seen.insert((&life.rule, &life.key)), || {
                format!("rule {} has two incidents for {}", life.rule, life.key)
            })?;
        }
    }
    Ok(())
}

fn one_ticket_per_incident(target: &str, records: &[Record]) -> Result<(), Broken> {
    let mut seen = HashMap::new();
    for record in records {
        if let Some(first) = seen.insert(&record.key, &record.id) {
            return Err(format!(
                "target {target} holds two tickets for one incident: {first} and {}",
                record.id
            ));
        }
    }
    Ok(())
}

/// What is called done has been done in the CRM.
fn done_means_done(kept: &Kept, owed: &[&Delivery], record: Option<&Record>) -> Result<(), Broken> {
    for delivery in owed.iter().filter(|delivery| delivery.state == "done") {
        let done = record.is_some_and(|record| match delivery.operation.as_str() {
            "create" => kept.ticket_id.as_deref() == Some(&record.id),
            "update" => record.marks.contains(&delivery.mark),
            "link" => record.parent.is_some() || record.marks.contains(&delivery.mark),
            _ => record.closed,
        });
        ensure(done, || {
            format!(
                "delivery {} ({}) is called done, but the CRM knows nothing of it",
                delivery.id, delivery.operation
            )
        })?;
    }
    Ok(())
}

/// Incidents have heard no more breaches than came.
fn none_heard_twice(now: &Snapshot, sent: &[Reading]) -> Result<(), Broken> {
    for rule in RULES {
        let heard = heard_by(now, rule);
        let breaches = sent
            .iter()
            .filter(|reading| reading.verdict(rule) == Some(Verdict::Breach))
            .count();
        ensure(heard <= u64::try_from(breaches).unwrap(), || {
            format!("rule {rule}: {breaches} breaches came, {heard} were heard by incidents")
        })?;
    }
    Ok(())
}

fn heard_by(now: &Snapshot, rule: &str) -> u64 {
    let incidents = now.incidents.iter().filter(|kept| *kept.life.rule == *rule);
    incidents.map(|kept| kept.life.occurrences).sum()
}

/// Every event was decided on, by every rule, exactly once.
fn decided_once(now: &Snapshot, sent: &[Reading]) -> Result<(), Broken> {
    let count = i64::try_from(sent.len()).unwrap();
    ensure(now.cursor == count && now.last_event == count, || {
        format!(
            "{count} events came, {} are kept, {} decided",
            now.last_event, now.cursor
        )
    })?;
    for rule in RULES {
        let breach = |seq: i64| {
            let index = usize::try_from(seq - 1).unwrap();
            sent[index].verdict(rule) == Some(Verdict::Breach)
        };
        let breaches = (1..=count).filter(|seq| breach(*seq)).count();
        let decided: Vec<_> = now
            .decided
            .iter()
            .filter(|decided| decided.rule == rule && breach(decided.event_seq))
            .collect();
        ensure(decided.len() == breaches, || {
            format!(
                "rule {rule}: {breaches} breaches, {} decisions",
                decided.len()
            )
        })?;
        let late = decided
            .iter()
            .filter(|decided| decided.outcome == "out_of_order")
            .count();
        let heard = heard_by(now, rule);
        let expected = u64::try_from(breaches - late).unwrap();
        ensure(heard == expected, || {
            format!("rule {rule}: {expected} breaches to be heard, {heard} heard by incidents")
        })?;
    }
    Ok(())
}
