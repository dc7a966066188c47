//! An incident as one line: name, reading against its threshold, age, ticket or why there is none.

use serde_json::Value;

use crate::cli::Output;
use crate::cli::columns::{Cell, Screen, Style, short_ids};
use crate::cli::table::shown;
use crate::domain::situation::{age, ticket_state};
use crate::domain::time::Timestamp;

/// A line for each of `incidents`, which have names and readings.
pub(super) fn incident_rows(incidents: &[Value], now: Timestamp, output: Output) -> Vec<Vec<Cell>> {
    let ids: Vec<String> = incidents.iter().map(|one| shown(one.get("id"))).collect();
    let rows = incidents.iter().zip(short_ids(&ids));
    rows.map(|(one, id)| incident_row(one, &id, now, output))
        .collect()
}

fn incident_row(one: &Value, id: &str, now: Timestamp, output: Output) -> Vec<Cell> {
    let text = |pointer: &str| shown(one.pointer(pointer));
    let severity = text("/severity");
    let members = match one["members"].as_u64() {
        Some(count) => format!(" of {count}"),
        None => String::new(),
    };
    let ticket = match (ticket_of(one), one.get("no_ticket")) {
        (Some(number), _) => Cell::new(number),
        (_, Some(Value::String(why))) => Cell::styled(format!("NO TICKET: {why}"), Style::Bad),
        _ => Cell::new(text("/ticket/id")),
    };
    let style = match one["state"] == "recovered" {
        true => Style::Quiet,
        false => Style::of_severity(&severity),
    };
    let mut row = vec![
        Cell::styled(&severity, style).ranked(1),
        Cell::new(text("/name")),
        Cell::new(format!("{}{members}", text("/entity"))).ranked(5),
        Cell::new(text("/state")),
        Cell::new(age_of(&one["opened_at"], now)).ranked(3),
        Cell::new(reading(one)).ranked(2),
        Cell::styled(id, Style::Quiet).ranked(4),
    ];
    if output == Output::Wide {
        row.push(Cell::new(text("/rule")));
        row.push(Cell::new(text("/key")));
        row.push(Cell::new(text("/source")));
        row.push(Cell::new(format!("{} events", text("/occurrences"))));
        row.push(Cell::new(text("/ticket/target")));
        row.push(Cell::new(ticket_state(&text("/ticket/state"))));
    }
    row.push(ticket);
    row
}

/// The first reading that has a threshold, or else the first one.
pub(super) fn reading(one: &Value) -> String {
    let readings = items(&one["readings"]);
    let with_threshold = readings.iter().find(|one| one["threshold"].is_number());
    let Some(reading) = with_threshold.or(readings.first()) else {
        return String::new();
    };
    let unit = shown(reading.get("unit"));
    let number = |value: &Value| match value.as_f64() {
        Some(number) => {
            let text = format!("{number:.2}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            format!("{text}{unit}")
        }
        None => String::new(),
    };
    let latest = number(&reading["latest"]);
    let is_above = reading["is_above"] == true;
    let side = if is_above { ">" } else { "<" };
    let Some(threshold) = reading["threshold"].as_f64() else {
        return latest;
    };
    let value = reading["latest"].as_f64().unwrap_or_default();
    let (is_beyond, limit) = match is_above {
        true => (value > threshold, "limit"),
        false => (value < threshold, "at least"),
    };
    let shown = number(&reading["threshold"]);
    match is_beyond {
        true => format!("{latest} {side} {shown}"),
        // What is well again must not read as a false statement.
        false => format!("{latest} ({limit} {shown})"),
    }
}

/// The number of the ticket of `one`, or that of the outage which stands for it.
pub(super) fn ticket_of(one: &Value) -> Option<String> {
    let own = one.pointer("/ticket/number").and_then(Value::as_str);
    let of_outage = || {
        let ticket = one.pointer("/member_of/ticket")?.as_str()?;
        let name = shown(one.pointer("/member_of/name"));
        Some(format!("{ticket}, of the outage {name}"))
    };
    own.map(str::to_owned).or_else(of_outage)
}

/// The outage that stands for `one`, by its name and its ticket.
pub(super) fn outage_of(one: &Value) -> String {
    let text = |name: &str| shown(one["member_of"].get(name));
    match (text("name"), text("ticket")) {
        (name, ticket) if ticket.is_empty() => name,
        (name, ticket) => format!("{name}, {ticket} in {}", text("target")),
    }
}

/// Lines that are as long as they are, where everything is asked for.
pub(super) fn screen_for(output: Output) -> Screen {
    let screen = Screen::of_stdout();
    match output {
        Output::Wide => screen.whole(),
        Output::Table | Output::Json => screen,
    }
}

pub(super) fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// How long ago `at` was; nothing when it is no time.
pub(super) fn age_of(at: &Value, now: Timestamp) -> String {
    time(at).map_or_else(String::new, |at| age(now.since(at)))
}

/// `1 ticket`, `3 tickets`.
pub(super) fn counted(count: &Value, one: &str, many: &str) -> String {
    let shown = shown(Some(count));
    match shown.as_str() {
        "1" => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    fn shown_reading(latest: f64, is_above: bool) -> String {
        let reading =
            json!({"latest": latest, "threshold": 300, "is_above": is_above, "unit": "s"});
        super::reading(&json!({ "readings": [reading] }))
    }

    #[test]
    fn a_reading_is_never_a_false_statement() {
        assert_eq!(shown_reading(412.5, true), "412.5s > 300s");
        assert_eq!(shown_reading(90.0, true), "90s (limit 300s)");
        assert_eq!(shown_reading(90.0, false), "90s < 300s");
        assert_eq!(shown_reading(412.5, false), "412.5s (at least 300s)");
    }
}
