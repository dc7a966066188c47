//! JSON with a line for each value, in which what is wrong is marked.

use serde::Serialize;
use serde_json::Value;

/// Characters that are shown; a line with a mark is shown wherever it is.
const MAX_SHOWN: usize = 20_000;
const INDENT: usize = 2;

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    indent: String,
    text: String,
    /// What is wrong with this line.
    mark: Option<String>,
}

/// A member that is wrong, or the place where one is missing.
struct Fault {
    path: Vec<String>,
    words: String,
}

/// The event `body`, marked where the `reason` of its review item points.
pub(super) fn event(body: &str, reason: &str) -> Vec<Line> {
    let faults = |event: &Value| {
        let path = pointed_at(reason)?;
        Some(vec![fault(event, &path, "not as expected")])
    };
    lines(body, |event| faults(event).unwrap_or_default())
}

/// The `payload` of a dead letter, marked at the `fields` that the CRM names.
pub(super) fn payload(payload: &str, fields: Option<&str>) -> Vec<Line> {
    let named = fields.unwrap_or_default().split(',').map(str::trim);
    let named: Vec<&str> = named.filter(|name| !name.is_empty()).collect();
    lines(payload, |payload| {
        let marked = named.iter().map(|name| {
            let known = path_to(payload, name);
            let path = known.unwrap_or_else(|| vec!["fields".to_owned(), (*name).to_owned()]);
            fault(payload, &path, "refused by the CRM")
        });
        marked.collect()
    })
}

fn lines(text: &str, faults: impl Fn(&Value) -> Vec<Fault>) -> Vec<Line> {
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let mut writer = Writer {
        faults: faults(&value),
        lines: Vec::new(),
        path: Vec::new(),
    };
    writer.write("", &value, "");
    let mut shown = 0;
    let all = writer.lines.into_iter();
    all.filter(|line| {
        shown += line.indent.len() + line.text.len();
        shown <= MAX_SHOWN || line.mark.is_some()
    })
    .collect()
}

/// The path at the beginning of a reason (an RFC 6901 pointer).
fn pointed_at(reason: &str) -> Option<Vec<String>> {
    let (pointer, _) = reason.split_once(": ")?;
    let segments = pointer.strip_prefix('/')?.split('/');
    Some(
        segments
            .map(|one| one.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

/// The fault at `path`, or at what there is of it.
fn fault(value: &Value, path: &[String], words: &str) -> Fault {
    let mut there = value;
    for (depth, segment) in path.iter().enumerate() {
        match child(there, segment) {
            Some(next) => there = next,
            None => {
                return Fault {
                    path: path.iter().take(depth).cloned().collect(),
                    words: format!("{segment} is missing here"),
                };
            }
        }
    }
    Fault {
        path: path.to_vec(),
        words: words.to_owned(),
    }
}

fn child<'v>(value: &'v Value, segment: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(segment),
        Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The way to the first member with this name.
fn path_to(value: &Value, name: &str) -> Option<Vec<String>> {
    let Value::Object(members) = value else {
        return None;
    };
    if members.contains_key(name) {
        return Some(vec![name.to_owned()]);
    }
    members.iter().find_map(|(key, member)| {
        let mut path = path_to(member, name)?;
        path.insert(0, key.clone());
        Some(path)
    })
}

struct Writer {
    faults: Vec<Fault>,
    lines: Vec<Line>,
    path: Vec<String>,
}

impl Writer {
    /// Writes `value` behind `name`, with `end` behind it.
    fn write(&mut self, name: &str, value: &Value, end: &str) {
        let mark = self.faults.iter().find(|fault| fault.path == self.path);
        let mark = mark.map(|fault| fault.words.clone());
        let mut children: Vec<(String, String, &Value)> = Vec::new();
        let (open, close) = match value {
            Value::Object(members) => {
                let named = members.iter();
                children.extend(named.map(|(key, member)| {
                    let name = format!("{}: ", Value::String(key.clone()));
                    (key.clone(), name, member)
                }));
                ("{", "}")
            }
            Value::Array(items) => {
                let counted = items.iter().enumerate();
                children.extend(counted.map(|(n, item)| (n.to_string(), String::new(), item)));
                ("[", "]")
            }
            scalar => {
                self.push(format!("{name}{scalar}{end}"), mark);
                return;
            }
        };
        if children.is_empty() {
            self.push(format!("{name}{open}{close}{end}"), mark);
            return;
        }
        self.push(format!("{name}{open}"), mark);
        let last = children.len() - 1;
        for (number, (segment, name, child)) in children.into_iter().enumerate() {
            self.path.push(segment);
            self.write(&name, child, if number == last { "" } else { "," });
            self.path.pop();
        }
        self.push(format!("{close}{end}"), None);
    }

    fn push(&mut self, text: String, mark: Option<String>) {
        self.lines.push(Line {
            indent: " ".repeat(self.path.len() * INDENT),
            text,
            mark,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(lines: &[Line]) -> Vec<(&str, &str)> {
        let marked = lines.iter().filter_map(|line| {
            let mark = line.mark.as_deref()?;
            Some((line.text.as_str(), mark))
        });
        marked.collect()
    }

    const EVENT: &str = r#"{"id": "e", "queue": {"a/b": [1, {"n": 7}]}, "none": {}}"#;

    #[test]
    fn the_lines_are_the_json_as_it_is_written_elsewhere() {
        let lines = event(EVENT, "");
        let text: Vec<String> = lines
            .iter()
            .map(|line| format!("{}{}", line.indent, line.text))
            .collect();
        let value: Value = serde_json::from_str(EVENT).unwrap();
        assert_eq!(
            text.join("\n"),
            serde_json::to_string_pretty(&value).unwrap()
        );
        assert_eq!(marked(&lines), []);
        assert_eq!(event("{\"id\": \"cut", "").len(), 1);
    }

    #[test]
    fn what_a_reason_points_at_is_marked_or_where_it_is_missing() {
        for (reason, line, mark) in [
            (
                "/queue/a~1b/1/n: a text is expected",
                "\"n\": 7",
                "not as expected",
            ),
            (
                "/queue/id: it is missing",
                "\"queue\": {",
                "id is missing here",
            ),
            (
                "/metrics/0/name: it is missing",
                "{",
                "metrics is missing here",
            ),
        ] {
            assert_eq!(marked(&event(EVENT, reason)), [(line, mark)], "{reason}");
        }
        assert_eq!(marked(&event(EVENT, "rules.a.key: /no/path: is here")), []);
    }

    #[test]
    fn fields_that_the_crm_names_are_marked_however_long_the_payload_is() {
        let long = "x".repeat(30_000);
        let text = format!(r#"{{"fields": {{"A": "{long}", "Subject": 1, "Z": 2}}}}"#);
        let lines = payload(&text, Some("Subject, Origin"));
        let found = marked(&lines);
        assert_eq!(
            found,
            [
                ("\"fields\": {", "Origin is missing here"),
                ("\"Subject\": 1,", "refused by the CRM"),
            ]
        );
    }
}
