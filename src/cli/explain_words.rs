//! What `ringdown explain` says, in words.

use serde_json::Value;

use super::explain_state::state_lines;
use super::{Output, config, print};

pub(super) fn report(output: Output, explained: &[Value]) {
    if output == Output::Json {
        print(&config::pretty(&Value::Array(explained.to_vec())));
        return;
    }
    if explained.is_empty() {
        print("nothing    an empty list holds no event");
    }
    let described: Vec<String> = explained.iter().map(describe).collect();
    print(&described.join("\n\n"));
}

fn describe(item: &Value) -> String {
    let text = |value: &Value, name: &str| super::table::shown(value.get(name));
    let mut lines = vec![format!("event      {}", text(item, "event_id"))];
    if item.get("shape").is_some() {
        lines.push(format!("shape      {}", text(item, "shape")));
    }
    for signal in list(item, "signals") {
        lines.push(format!(
            "signal     {} at {}",
            text(signal, "event_type"),
            text(signal, "occurred_at")
        ));
        lines.push(format!("  fields   {}", text(signal, "fields")));
        lines.push(format!("  metrics  {}", text(signal, "metrics")));
    }
    for state in list(item, "states") {
        lines.extend(state_lines(state));
    }
    for rule in list(item, "silent_rules") {
        lines.push(format!(
            "rule       {}: no result; a field or metric that the rule reads is missing, too old or only known in part, or it divides by 0",
            super::table::shown(Some(rule))
        ));
    }
    for rule in list(item, "unknown_statuses") {
        lines.push(format!(
            "rule       {}: no result; neither a rule nor the catalogue knows the status {}, so it is no recovery",
            text(rule, "rule"),
            text(rule, "status")
        ));
    }
    for rule in list(item, "rules") {
        describe_rule(rule, &mut lines);
    }
    for rule in list(item, "other_rules") {
        lines.push(format!(
            "rule       {}: skipped; it evaluates only {}",
            text(rule, "rule"),
            text(rule, "events")
        ));
    }
    for (name, what) in [("nothing", "nothing   "), ("review", "review    ")] {
        if item.get(name).is_some() {
            lines.push(format!("{what} {}", text(item, name)));
        }
    }
    lines.join("\n")
}

fn route_in_words(route: &Value) -> String {
    let names: Vec<String> = list(route, "targets")
        .map(|name| super::table::shown(Some(name)))
        .collect();
    let order = match names.as_slice() {
        [only] => only.clone(),
        several => format!("{}: the first that can be reached", several.join(", ")),
    };
    match route.get("when").and_then(Value::as_str) {
        Some(when) => format!("{order} ({when} holds)"),
        None => order,
    }
}

/// What a rule found, and the ticket that would come of it.
fn describe_rule(rule: &Value, lines: &mut Vec<String>) {
    let text = |value: &Value, name: &str| super::table::shown(value.get(name));
    lines.push(format!(
        "rule       {}: {} ({}; readings {})",
        text(rule, "rule"),
        text(rule, "verdict"),
        text(rule, "when"),
        text(rule, "readings")
    ));
    lines.push(format!("  key      {}", text(rule, "key")));
    if rule.get("no_effect").is_some() {
        lines.push(format!("  no effect: {}", text(rule, "no_effect")));
    }
    if let Some(counted) = rule.get("counted") {
        lines.push(format!(
            "  counted  a breach only with {} such signals within {}",
            text(counted, "at_least"),
            text(counted, "within")
        ));
    }
    if let Some(outage) = rule.get("outage") {
        lines.extend(outage_lines(outage));
    }
    if let Some(route) = rule.get("route") {
        lines.push(format!("  route    {}", route_in_words(route)));
    }
    if let Some(window) = rule.get("silenced") {
        lines.push(format!(
            "  silenced by {} until {}; then, if it still goes on:",
            text(window, "by"),
            text(window, "until")
        ));
    }
    if let Some(ticket) = rule.get("ticket") {
        lines.push(format!(
            "  ticket   in {}, unless the key has an open incident, a burst lock or a silence, or an outage stands for it",
            text(ticket, "target")
        ));
        let fields = ticket.get("fields").and_then(Value::as_object);
        for (name, value) in fields.into_iter().flatten() {
            lines.extend(field_lines(name, value));
        }
    }
    if rule.get("review").is_some() {
        lines.push(format!("  review   {}", text(rule, "review")));
    }
}

/// A ticket's field: further lines stand below its first.
fn field_lines(name: &str, value: &Value) -> Vec<String> {
    let whole = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    whole
        .split('\n')
        .enumerate()
        .map(|(number, line)| match (number, super::table::plain(line)) {
            (0, line) => format!("    {name} = {line}"),
            (_, line) => format!("      {line}"),
        })
        .collect()
}

pub(super) fn list<'a>(item: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    item.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// What `outage_json` says, in words.
fn outage_lines(outage: &Value) -> Vec<String> {
    let text = |name: &str| super::table::shown(outage.get(name));
    let mut lines = vec![
        format!("  outage   {} of {}", text("outage"), text("group")),
        format!("    hold   its ticket is held back for {}", text("hold")),
        format!(
            "    forms  with {} keys that begin to breach within {}",
            text("at_least"),
            text("within")
        ),
    ];
    if outage["is_cause"] == true {
        lines.push("    cause  it explains what else breaches in its group".to_owned());
    }
    lines
}
