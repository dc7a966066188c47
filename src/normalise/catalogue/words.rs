//! The catalogue in words, and the tables of it in a document.

use std::fmt::Write;

use super::entry::{Means, Topic, TopicField, TopicMetric, Unit};
use super::topics;

const BEGIN: &str = "<!-- catalogue: ";
const END: &str = "<!-- end of catalogue -->\n";

impl TopicMetric {
    /// How rules spell it: `processors[cpuId].activeTimePct` is the reading of one row.
    pub fn spelling(&self) -> String {
        match (self.row, self.name.split_once('.')) {
            (Some(row), Some((list, member))) => {
                format!("{}, {list}[{row}].{member}", self.name)
            }
            _ => self.name.to_owned(),
        }
    }

    /// Its statistics with their units.
    pub fn statistics_in_words(&self) -> String {
        let mut groups: Vec<(Unit, Vec<&str>)> = Vec::new();
        for statistic in self.statistics {
            match groups.iter_mut().find(|(unit, _)| *unit == statistic.unit) {
                Some((_, names)) => names.push(statistic.name),
                None => groups.push((statistic.unit, vec![statistic.name])),
            }
        }
        let in_words = |(unit, names): &(Unit, Vec<&str>)| match unit {
            Unit::Count => names.join(", "),
            unit => format!("{} ({})", names.join(", "), unit.name()),
        };
        let mut parts: Vec<String> = groups.iter().map(in_words).collect();
        match self.qualifiers {
            Some([]) => parts.push("one for each qualifier".to_owned()),
            Some(known) => parts.push(format!("for each qualifier: {}", known.join(", "))),
            None => {}
        }
        if self.row.is_some() {
            parts.push("of one row: value".to_owned());
        }
        parts.join("; ")
    }
}

/// `document` with its tables of the catalogue written anew. A table stands between two comments,
/// and the first one says which it is: `topics`, `fields`, `metrics`, `statuses` or `keys`.
///
/// # Errors
///
/// The first comment that names no table, or has no end.
pub fn with_tables(document: &str) -> Result<String, String> {
    let mut parts = document.split(BEGIN);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let wrong = || part.lines().next().unwrap_or_default().to_owned();
        let (name, rest) = part.split_once(" -->\n").ok_or_else(wrong)?;
        let (_, after) = rest.split_once(END).ok_or_else(wrong)?;
        let table = match name {
            "topics" => topics_table(),
            "fields" => fields_table(),
            "metrics" => metrics_tables(),
            "statuses" => statuses_table(),
            "keys" => keys_table(),
            _ => return Err(wrong()),
        };
        let _ = write!(text, "{BEGIN}{name} -->\n{table}{END}{after}");
    }
    Ok(text)
}

fn with_effect() -> impl Iterator<Item = &'static Topic> {
    topics().filter(|topic| topic.has_effect())
}

fn topics_table() -> String {
    let mut table = "| event type | about | what it tells |\n|---|---|---|\n".to_owned();
    for topic in with_effect() {
        let _ = writeln!(
            table,
            "| `{}` | {} | {} |",
            topic.event_type,
            topic.subject.name(),
            topic.meaning
        );
    }
    table.push_str("\nThese are understood and have no effect on incidents:\n\n");
    for topic in topics().filter(|topic| !topic.has_effect()) {
        let _ = writeln!(table, "- `{}`: {}", topic.event_type, topic.meaning);
    }
    table
}

fn fields_table() -> String {
    let mut fields: Vec<&TopicField> = Vec::new();
    for field in with_effect().flat_map(|topic| topic.fields) {
        if !fields.iter().any(|known| known.name == field.name) {
            fields.push(field);
        }
    }
    let mut table = "| field | type | meaning |\n|---|---|---|\n".to_owned();
    for field in fields {
        let (name, kind) = (field.name, field.value_type.name());
        let _ = writeln!(table, "| `{name}` | {kind} | {} |", field.meaning);
    }
    table
}

fn metrics_tables() -> String {
    let metrics = |topic: &Topic| topic.metrics.iter().map(|metric| metric.name).collect();
    let mut text = String::new();
    for (names, topic) in alike(metrics) {
        let _ = write!(
            text,
            "{names}:\n\n| metric | statistics | span | meaning |\n|---|---|---|---|\n"
        );
        for metric in topic.metrics {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                metric.spelling().replace(", ", "`, `"),
                metric.statistics_in_words(),
                metric.kind.name(),
                metric.meaning
            );
        }
        text.push('\n');
    }
    text
}

fn statuses_table() -> String {
    let statuses = |topic: &Topic| topic.statuses.iter().map(|status| status.word).collect();
    let mut table = "| event type | trouble | fine | neither |\n|---|---|---|---|\n".to_owned();
    for (names, topic) in alike(statuses) {
        let words = |means: Means| {
            let statuses = topic.statuses.iter();
            let statuses = statuses.filter(|status| status.means == means);
            let words: Vec<String> = statuses.map(|one| format!("`{}`", one.word)).collect();
            words.join(" ")
        };
        let _ = writeln!(
            table,
            "| {names} | {} | {} | {} |",
            words(Means::Trouble),
            words(Means::Fine),
            words(Means::Neither)
        );
    }
    table
}

/// Groups of topics that have the same names of something: their types, and the first of them.
fn alike(names: impl Fn(&Topic) -> Vec<&'static str>) -> Vec<(String, &'static Topic)> {
    let mut groups: Vec<(String, &'static Topic)> = Vec::new();
    for topic in with_effect().filter(|topic| !names(topic).is_empty()) {
        let event_type = topic.event_type;
        match groups
            .iter_mut()
            .find(|(_, first)| names(first) == names(topic))
        {
            Some((types, _)) => {
                let _ = write!(types, ", `{event_type}`");
            }
            None => groups.push((format!("`{event_type}`"), topic)),
        }
    }
    groups
}

fn keys_table() -> String {
    let mut table = "| events about | default key |\n|---|---|\n".to_owned();
    let mut seen = Vec::new();
    for subject in with_effect().map(|topic| topic.subject) {
        if let Some(key) = subject.key()
            && !seen.contains(&subject)
        {
            seen.push(subject);
            let _ = writeln!(table, "| {} | `{key}` |", subject.name());
        }
    }
    table
}
