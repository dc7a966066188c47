//! `ringdown explain`: what would happen to a payload, step by step, without doing it.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::config::Offline;
use super::explain_state::state_json;
use super::explain_words::{list, report};
use super::outcome::{Failed, NOT_FINE, Outcome};
use super::{Global, config};
use crate::clock::Clock;
use crate::decide::{
    Breach, Entities, Evaluated, Evaluator, Finding, Timeliness, create_fields, maintenance_over,
    outage_of, with_incident,
};
use crate::domain::enrichment::Names;
use crate::domain::identity::IncidentId;
use crate::domain::incident::{Incident, Verdict};
use crate::domain::polling::{POLL_SOURCE, POLLED_FOR, STATUS_SOURCE};
use crate::domain::signal::{Meaning, Signal};
use crate::domain::time::Timestamp;
use crate::normalise::{self, Format, Item};
use crate::rules::Routed;
use crate::settings::{RuleSettings, Settings};
use crate::store::{Content, JournalEvent};

const REPETITION: &str =
    "a repetition: an event with this id came before; it is answered 202, and changes nothing";

/// Files arrive so far apart: what has neither an id nor a time is told apart by its arrival.
const APART: Duration = Duration::from_secs(1);

/// Say step by step what would happen to a payload.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The payloads, in the order in which they would arrive; `-` reads standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The source it would come from; with one source only, that one. `genesys-poll` and
    /// `genesys-status` are Ringdown's own.
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    offline: Offline,
}

/// Explains every item of the payload. Exit status 1 when one would go to review.
pub(super) fn run(args: &ExplainArgs, global: &Global) -> Outcome {
    let settings = Arc::new(config::load(global, args.offline)?.settings);
    let mut explainer = Explainer {
        source: source_of(args, &settings)?,
        evaluator: Evaluator::new(Arc::clone(&settings)),
        settings,
        entities: Entities::default(),
        seen: HashSet::new(),
    };
    let bodies: Vec<Vec<u8>> = args
        .files
        .iter()
        .map(|file| read(file))
        .collect::<Result<_, _>>()?;
    // The last one arrives now.
    let spans = (0..bodies.len()).rev().map(|later| {
        let later = u32::try_from(later).unwrap_or(u32::MAX);
        APART.saturating_mul(later)
    });
    let now = Clock::System.now();
    let explained: Vec<Value> = bodies
        .into_iter()
        .zip(spans)
        .flat_map(|(body, span)| explainer.explain_body(body, now.minus(span)))
        .collect();
    report(global.output, &explained);
    let misfits = explained.iter().any(goes_to_review);
    Ok(if misfits {
        ExitCode::from(NOT_FINE)
    } else {
        ExitCode::SUCCESS
    })
}

/// Explains payloads in the order in which they arrive.
struct Explainer {
    settings: Arc<Settings>,
    evaluator: Evaluator,
    source: String,
    /// How the things stand that the payloads so far have told of.
    entities: Entities,
    /// The ids of the events so far.
    seen: HashSet<String>,
}

/// The event itself, or a breach from which no ticket could be written.
fn goes_to_review(item: &Value) -> bool {
    item.get("review").is_some() || list(item, "rules").any(|rule| rule.get("review").is_some())
}

fn source_of(args: &ExplainArgs, settings: &Settings) -> Result<String, Failed> {
    let names: Vec<&str> = settings.sources.keys().map(String::as_str).collect();
    let is_own = |name: &str| {
        name == POLL_SOURCE || (name == STATUS_SOURCE && settings.enrichment.is_some())
    };
    match (&args.source, names.as_slice()) {
        (Some(name), names) if names.contains(&name.as_str()) || is_own(name) => Ok(name.clone()),
        (Some(name), _) if name == STATUS_SOURCE => Err(Failed::usage(
            "the status page is read with [enrichment] only, which is not configured",
        )),
        (None, [only]) => Ok((*only).to_owned()),
        (Some(name), _) => Err(Failed::usage(format!(
            "there is no source {name}; there are: {}",
            names.join(", ")
        ))),
        (None, _) => Err(Failed::usage(format!(
            "say with --source which of these it comes from: {}",
            names.join(", ")
        ))),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failed> {
    if file.as_os_str() != "-" {
        return std::fs::read(file)
            .map_err(|error| Failed::usage(format!("{} cannot be read: {error}", file.display())));
    }
    let mut body = Vec::new();
    std::io::stdin()
        .read_to_end(&mut body)
        .map_err(|error| Failed::usage(format!("standard input cannot be read: {error}")))?;
    Ok(body)
}

impl Explainer {
    fn format(&self) -> Option<Format> {
        let settings = &self.settings;
        match self.source.as_str() {
            POLL_SOURCE => Some(Format::Genesys),
            STATUS_SOURCE => settings
                .enrichment
                .as_ref()
                .map(|one| one.status_format.clone()),
            name => settings
                .sources
                .get(name)
                .map(|source| source.format.clone()),
        }
    }

    /// The source whose event it is: what polling writes counts as one of the source that it was
    /// polled for.
    fn source_of(&self, text: &str) -> Result<String, String> {
        if self.source != POLL_SOURCE {
            return Ok(self.source.clone());
        }
        let item = normalise::parse(text).unwrap_or_default();
        let named = item.get(POLLED_FOR).and_then(Value::as_str);
        let known = named.filter(|name| self.settings.sources.contains_key(*name));
        known.map(str::to_owned).ok_or_else(|| {
            format!("`{POLLED_FOR}` names no source that is configured, so it has no effect")
        })
    }

    fn explain_body(&mut self, body: Vec<u8>, now: Timestamp) -> Vec<Value> {
        let Some(format) = self.format() else {
            return vec![json!({"review": "unknown source"})];
        };
        match normalise::read_body(&format, body, now) {
            normalise::Body::Events(items) => {
                let items = items.into_iter();
                items.map(|item| self.explain(&format, item, now)).collect()
            }
            normalise::Body::NotJson { item, problem } => {
                vec![json!({"event_id": item.read.event_id,
                    "review": format!("not JSON: {problem}; the sender is answered 400")})]
            }
            normalise::Body::TooMany => {
                let most = normalise::MAX_ITEMS;
                vec![
                    json!({"review": format!("more than {most} events; the sender is answered 413")}),
                ]
            }
        }
    }

    fn explain(&mut self, format: &Format, item: Item, now: Timestamp) -> Value {
        let mut explained = json!({"event_id": item.read.event_id});
        if let Ok(value) = normalise::parse(&item.text) {
            explained["shape"] = json!(normalise::describe_shape(format, &value));
        }
        if !self.seen.insert(item.read.event_id.clone()) {
            explained["nothing"] = json!(REPETITION);
            return explained;
        }
        match item.read.outcome {
            normalise::Outcome::Nothing(why) => explained["nothing"] = json!(why),
            normalise::Outcome::Mismatch(mismatch) if mismatch.path.is_empty() => {
                explained["review"] = json!(mismatch.problem);
            }
            normalise::Outcome::Mismatch(mismatch) => {
                explained["review"] = json!(mismatch.to_string());
            }
            normalise::Outcome::Signals(signals) => {
                explained["signals"] = signals.iter().map(signal_json).collect();
                let source = match self.source_of(&item.text) {
                    Ok(source) => source,
                    Err(why) => {
                        explained["nothing"] = json!(why);
                        return explained;
                    }
                };
                let event = JournalEvent {
                    seq: 0,
                    source: source.as_str().into(),
                    event_id: item.read.event_id,
                    received_at: now,
                    content: Content::Meaning(Meaning::Signals(signals)),
                    decided_by: Vec::new(),
                };
                self.evaluate(event, &mut explained);
            }
        }
        explained
    }

    fn evaluate(&mut self, mut event: JournalEvent, explained: &mut Value) {
        let read = self.evaluator.read(&Names::default(), &mut event);
        let keys: BTreeSet<String> = read.entities().cloned().collect();
        let evaluated = self.evaluator.evaluate(&event, read, &mut self.entities);
        let states = keys
            .iter()
            .filter_map(|key| Some(state_json(key, self.entities.get(key)?)));
        explained["states"] = states.collect();
        let settings = &self.settings;
        let (findings, without_finding, faults) = match evaluated {
            Evaluated::Review(reason) => return explained["review"] = json!(reason),
            Evaluated::Nothing(why) => return explained["nothing"] = json!(why),
            Evaluated::Findings {
                findings,
                without_finding,
                faults,
            } => (findings, without_finding, faults),
        };
        let rules = settings.rules.iter().enumerate();
        let looked = |rule: usize| {
            without_finding.iter().any(|one| one.rule == rule)
                || findings.iter().any(|one| one.rule == rule)
                || faults.iter().any(|one| one.rule == rule)
        };
        let others = rules.filter(|(index, _)| !looked(*index));
        explained["other_rules"] = others
            .map(|(_, rule)| json!({"rule": rule.name, "events": rule.events}))
            .collect();
        let name = |rule: usize| settings.rules.get(rule).map(|rule| rule.name.as_str());
        let (unknown, missing): (Vec<_>, Vec<_>) = without_finding
            .iter()
            .partition(|without_finding| without_finding.unknown_status.is_some());
        explained["silent_rules"] = missing.iter().map(|one| json!(name(one.rule))).collect();
        explained["unknown_statuses"] = unknown
            .iter()
            .map(|one| json!({"rule": name(one.rule), "status": one.unknown_status}))
            .collect();
        let whole = findings.into_iter().filter_map(|found| {
            let rule = settings.rules.get(found.rule)?;
            Some(found.whole(rule, &event))
        });
        explained["rules"] = whole
            .map(|finding| finding_json(settings, &self.source, &finding))
            .collect();
        if !faults.is_empty() {
            let problems: Vec<String> = faults.into_iter().map(|one| one.problem).collect();
            let problems = problems.join("; ");
            explained["review"] = json!(format!("configuration error: {problems}"));
        }
    }
}

fn signal_json(signal: &Signal) -> Value {
    json!({"event_type": signal.event_type, "occurred_at": signal.occurred_at.to_string(),
           "part": signal.part, "fields": signal.fields, "metrics": signal.metrics,
           "labels": signal.labels})
}

fn finding_json(settings: &Settings, source: &str, finding: &Finding) -> Value {
    let Some(rule) = settings.rules.get(finding.rule) else {
        return Value::Null;
    };
    let verdict = match finding.evaluation.verdict {
        Verdict::Breach => "breach",
        Verdict::Clear => "clear",
        Verdict::InHysteresis => "between when and clear",
    };
    let mut explained = json!({"rule": rule.name, "when": rule.when.source(),
        "readings": finding.evaluation.readings, "verdict": verdict, "key": finding.key.key});
    if let Some(why) = no_effect(rule, finding) {
        explained["no_effect"] = json!(why);
        return explained;
    }
    let Some(Breach { values, routed }) = &finding.breach else {
        return explained;
    };
    if rule.at_least > 1 {
        let within = humantime::format_duration(rule.within).to_string();
        explained["counted"] = json!({"at_least": rule.at_least, "within": within});
    }
    if let Some(outage) = outage_json(settings, &rule.name, finding) {
        explained["outage"] = outage;
    }
    explained["route"] = route_json(rule, routed);
    let first = routed.to.first();
    if let Some((name, target)) = first.and_then(|name| settings.targets.get_key_value(name)) {
        let incident = Incident::begin(
            IncidentId::new(uuid::Uuid::nil().to_string()),
            finding.key.clone(),
            &finding.severity,
            &finding.evaluation,
            finding.evaluation.received_at,
        );
        let at = finding.evaluation.received_at;
        if let Some(window) = maintenance_over(settings, &finding.key, source, values, at) {
            explained["silenced"] = json!({"by": window.by, "until": window.until.to_string()});
        }
        let context = with_incident((**values).clone(), &incident);
        match create_fields(target, &context) {
            Ok(fields) => {
                explained["ticket"] = json!({"target": name, "fields": fields});
            }
            Err(error) => explained["review"] = json!(format!("targets.{name}.{error}")),
        }
    }
    explained
}

/// Why the finding changes no incident.
fn no_effect(rule: &RuleSettings, finding: &Finding) -> Option<&'static str> {
    match finding.timeliness {
        // It is counted all the same.
        Timeliness::Past if rule.at_least > 1 && finding.breach.is_some() => None,
        Timeliness::Past | Timeliness::Late => {
            Some("a newer message about the same entity is known")
        }
        Timeliness::Stale if finding.breach.is_some() => {
            Some("it is older than the source's max_age")
        }
        Timeliness::Stale | Timeliness::Newest | Timeliness::Unknown => None,
    }
}

/// The list of targets that the breach leads to, and which entry of `targets` gave it.
fn route_json(rule: &RuleSettings, routed: &Routed) -> Value {
    let entry = routed
        .entry
        .and_then(|entry| rule.targets.routes.get(entry));
    json!({"when": entry.map(|entry| entry.when.source()), "targets": *routed.to})
}

/// The outage that a breach would count for.
fn outage_json(settings: &Settings, rule: &str, finding: &Finding) -> Option<Value> {
    let group = finding.group.as_ref()?;
    let (name, outage) = outage_of(settings, &group.rule)?;
    let shown = |duration| humantime::format_duration(duration).to_string();
    Some(
        json!({"outage": name, "group": group.key, "hold": shown(outage.hold),
        "at_least": outage.at_least, "within": shown(outage.within),
        "is_cause": outage.causes.iter().any(|cause| cause == rule)}),
    )
}
