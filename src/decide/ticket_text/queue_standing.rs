//! How a queue stands by Genesys Cloud's own account, on its ticket: with the create where it
//! is known by then, as one comment where it comes later. No ticket waits for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::decide::batch::Batch;
use crate::decide::groups::outage_of;
use crate::decide::known::{Kept, Origin};
use crate::domain::enrichment::Standing;
use crate::domain::flood;
use crate::domain::incident::{Incident, IncidentState, Owed};
use crate::domain::time::Timestamp;
use crate::enrichment::Enrichment;
use crate::rules::TemplateContext;
use crate::store::{HistoryEntry, Reference, active_key};

/// Tickets that may wait for details; beyond it the next ones go without.
const MOST_AWAITING: usize = 10_000;

/// Tickets that were opened before their queue's standing was known: active keys by queue.
/// Kept in memory only: after a restart these tickets stay without.
#[derive(Debug, Default)]
pub(in crate::decide) struct Awaiting(Mutex<HashMap<String, BTreeSet<String>>>);

impl Awaiting {
    pub(in crate::decide) fn add(&self, late: Vec<(String, String)>) {
        let mut awaiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (queue_id, key) in late {
            if awaiting.len() < MOST_AWAITING {
                awaiting.entry(queue_id).or_default().insert(key);
            }
        }
    }

    /// The keys whose queue's standing is known at `now`; they await no longer.
    pub(in crate::decide) fn take_known(
        &self,
        enrichment: &Enrichment,
        now: Timestamp,
    ) -> Vec<String> {
        let mut awaiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = BTreeSet::new();
        awaiting.retain(|queue_id, of_queue| {
            let is_known = enrichment.standing(queue_id, now).is_some();
            if is_known {
                keys.append(of_queue);
            }
            !is_known
        });
        keys.into_iter().collect()
    }
}

impl Batch<'_> {
    /// Asks how the queue of a new breach stands, unless that is known.
    pub(in crate::decide) fn ask_ahead(&self, context: &TemplateContext, now: Timestamp) {
        if let Some(queue_id) = queue_of(context)
            && self.enrichment.standing(queue_id, now).is_none()
        {
            self.enrichment.want(queue_id);
        }
    }

    /// Adds the queue's standing to what a ticket is written from. A create that has to go
    /// without is noted, so that a comment can follow.
    pub(in crate::decide) fn add_standing(
        &mut self,
        context: &mut TemplateContext,
        owed: Owed,
        incident: &Incident,
        now: Timestamp,
    ) {
        let key = active_key(&incident.rule, &incident.key);
        let is_of_many =
            outage_of(self.settings, &key).is_some() || flood::source_of(&incident.rule).is_some();
        if !self.enrichment.is_on() || is_of_many {
            return;
        }
        let Some(queue_id) = queue_of(context).map(str::to_owned) else {
            return;
        };
        match self.enrichment.standing(&queue_id, now) {
            Some(standing) => describe(context, standing),
            None if owed == Owed::Create => self.late.push((queue_id, key)),
            None => {}
        }
    }

    /// Owes a comment with the standing to the open tickets with `keys`.
    pub(in crate::decide) fn add_details(&mut self, keys: &[String], now: Timestamp) {
        for key in keys {
            let Some(entry) = self.keys.remove(key) else {
                continue;
            };
            if let (Some(incident), Some(kept)) = (&entry.known.incident, &entry.kept)
                && incident.state == IncidentState::Open
            {
                self.owe_details(incident, kept, now);
            }
            self.keys.insert(key.clone(), entry);
        }
    }

    fn owe_details(&mut self, incident: &Incident, kept: &Kept, now: Timestamp) {
        let event_id = kept.context.get("event_payload_id");
        let event_id = event_id.and_then(|id| id.as_str()).unwrap_or_default();
        let origin = Origin {
            event_id,
            received_at: now,
            source: &kept.source,
        };
        self.owe(Owed::Details, incident, kept, origin, now);
        self.result.history.push(HistoryEntry {
            incident_id: incident.id.clone(),
            at: now,
            what: "details added".to_owned(),
            cause: "Genesys Cloud answered how the queue stands".to_owned(),
            refers: Reference::default(),
        });
    }
}

fn queue_of(context: &TemplateContext) -> Option<&str> {
    context.get("queue_id")?.as_str()
}

/// What [`describe`] adds.
const DESCRIBED: [&str; 3] = ["waiting_now", "agents_now", "standing"];

/// The part of `context` that says how the queue stands.
pub(in crate::decide) fn standing_in(context: &TemplateContext) -> TemplateContext {
    let known = DESCRIBED.into_iter().filter_map(|name| {
        let value = context.get(name)?;
        Some((name.to_owned(), value.clone()))
    });
    known.collect()
}

/// Lets templates see `waiting_now` and `agents_now`, and the ticket's text the whole.
fn describe(context: &mut TemplateContext, standing: Standing) {
    if let Some(waiting) = standing.waiting {
        context.insert("waiting_now".to_owned(), json!(waiting));
    }
    if let Some(agents) = standing.agents {
        context.insert("agents_now".to_owned(), json!(agents));
    }
    if let Some(sentence) = standing.sentence() {
        context.insert("standing".to_owned(), json!(sentence));
    }
}
