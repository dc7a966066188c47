//! `[own_trouble]`: tickets about Ringdown itself.
//!
//! What is read here becomes a source and a rule like any other, so that such a ticket is
//! opened, told and closed by the same machinery. Their names are taken.

use std::time::Duration;

use super::rules::{ON_RECOVERY, SEVERITIES};
use super::section::Section;
use super::values::{duration, expression, known_name, one_of, some, template};
use crate::domain::incident::FlappingPolicy;
use crate::domain::trouble::{OWN_EVENT, OWN_RULE, OWN_SOURCE};
use crate::normalise::{CustomMap, Format, NotAPointer, Pointer, Pointers};
use crate::settings::layers::Table;
use crate::settings::{OwnTroubleSettings, Route, Routing, RuleSettings};

/// It is told of every five minutes while it lasts; so long without is the end of it.
const QUIET_AFTER: Duration = Duration::from_secs(30 * 60);
/// No new ticket about the same within this time: what comes and goes is one trouble.
const BURST_LOCK: Duration = Duration::from_secs(15 * 60);
/// A comment on the open ticket at most this often.
const UPDATE_EVERY: Duration = Duration::from_secs(60 * 60);

/// What comes and goes more often is one trouble too.
const FLAPPING: FlappingPolicy = FlappingPolicy {
    times: 4,
    within: Duration::from_secs(60 * 60),
    quiet_period: Duration::from_secs(15 * 60),
};

/// What is to be told to whom, and the rule that hears it; inner `None`: not wanted.
#[expect(
    clippy::option_option,
    reason = "outer: was it understood; inner: was it set"
)]
pub(super) fn own_trouble(
    root: &Section<'_>,
    sources: &[String],
    rules: &[String],
    targets: &[String],
) -> Option<Option<(OwnTroubleSettings, RuleSettings)>> {
    refuse_taken_names(root, sources, rules);
    let Some(entry) = root.entry("own_trouble") else {
        warn_of_unheard_silence(root);
        root.unset("own_trouble");
        return Some(None);
    };
    let section = entry.section()?;
    let severity = section.or("severity", "high", one_of(SEVERITIES));
    let on_recovery = section.or("on_recovery", "comment", one_of(ON_RECOVERY));
    let clear_for = section.or("clear_for", "1m", duration);
    let targets = section.required("targets", some(known_name("target", targets)));
    section.finish();
    // What a user cannot change is read the same way, so that it is checked and shown.
    let fixed = Section::new(root.walk, "own_trouble", Table::new());
    let when = fixed.or("when", "status == 'TROUBLE'", expression);
    let key = fixed.or("key", "{{ entity_id }}", template);
    let format = fixed.or("map", "/…", |_| {
        format().map_err(|error| error.to_string().into())
    });
    let targets = targets?;
    let routing = Routing {
        routes: routes(&fixed, &targets)?,
        otherwise: targets.clone().into(),
    };
    let rule = RuleSettings {
        name: OWN_RULE.to_owned(),
        events: vec![OWN_EVENT.to_owned()],
        sources: vec![OWN_SOURCE.to_owned()],
        when: when?,
        clear: None,
        hold_for: Duration::ZERO,
        clear_for: clear_for?,
        quiet_after: QUIET_AFTER,
        key: key?,
        burst_lock: BURST_LOCK,
        update_every: UPDATE_EVERY,
        severity: severity?.to_owned(),
        severity_levels: Vec::new(),
        on_recovery: on_recovery?,
        flapping: Some(FLAPPING),
        targets: routing,
    };
    let settings = OwnTroubleSettings {
        format: format?,
        targets,
    };
    Some(Some((settings, rule)))
}

/// Trouble with a target is told to the others.
fn routes(fixed: &Section<'_>, targets: &[String]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    for target in targets {
        let others: Vec<String> = targets
            .iter()
            .filter(|one| *one != target)
            .cloned()
            .collect();
        if others.is_empty() {
            continue;
        }
        let when = format!("labels.target == '{target}'");
        routes.push(Route {
            when: fixed.or("route", when, expression)?,
            to: others.into(),
        });
    }
    Some(routes)
}

fn refuse_taken_names(root: &Section<'_>, sources: &[String], rules: &[String]) {
    let taken = [("sources", OWN_SOURCE, sources), ("rules", OWN_RULE, rules)];
    for (section, name, names) in taken {
        if names.iter().any(|one| one == name) {
            let reason = "is taken: Ringdown's own trouble comes under this name; choose another";
            root.walk
                .problem(&super::join(section, name), reason.into(), None);
        }
    }
}

/// A silence that nobody hears of is a misunderstanding.
fn warn_of_unheard_silence(root: &Section<'_>) {
    let Some(sources) = root.named_children("sources") else {
        return;
    };
    for (_, source) in sources {
        if source.is_set("expect_every") {
            source.warn("expect_every", "has no effect without [own_trouble]");
        }
    }
}

/// Where our own events keep what; `own_trouble` writes them.
fn format() -> Result<Format, NotAPointer> {
    let at =
        |pointer: &str| -> Result<Pointers, NotAPointer> { Ok(vec![pointer.parse::<Pointer>()?]) };
    let mut map = CustomMap {
        event_id: Some(at("/id")?),
        event_type: at("/type")?,
        timestamp: Some(at("/timestamp")?),
        ..CustomMap::default()
    };
    for (name, pointer) in [
        ("entity_id", "/about"),
        ("entity_name", "/title"),
        ("status", "/status"),
    ] {
        map.fields.insert(name, at(pointer)?);
    }
    for name in ["kind", "subject", "target", "title", "text"] {
        map.labels.insert(name.to_owned(), at(&format!("/{name}"))?);
    }
    Ok(Format::Custom(Box::new(map)))
}
