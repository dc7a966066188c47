//! Bodies of writes, and whether the instance kept what was sent.
//!
//! The instance drops unknown fields, unknown choices, and fields that the user may not
//! write, and answers with a success. Only a comparison with the reply shows it. Pure;
//! may import: `domain::ticket`.

use serde_json::{Map, Value};

use crate::domain::ticket::{TicketChange, TicketFields, TicketKey};

use super::ids::SysId;
use super::profile::JOURNALS;
use super::record::Record;
use super::truncation::fit;

/// Who opened the ticket, as its readers see it.
const OPENED_BY: &str = "Ringdown";

/// Longest text that is compared with what the instance kept, in bytes.
const MAX_COMPARED: usize = 100;

/// A write's fields, all as text.
pub(super) type Body = Map<String, Value>;

/// `fields` as the instance takes them: text throughout, cut to the column, nulls left out.
pub(super) fn of_fields(fields: &TicketFields) -> Body {
    fields
        .iter()
        .filter_map(|(name, value)| {
            let text = match value {
                Value::Null => return None,
                Value::String(text) => fit(name, text).into_owned(),
                other => other.to_string(),
            };
            Some((name.clone(), Value::String(text)))
        })
        .collect()
}

/// The body that opens the ticket of `key`. Our key, and the id where we choose it, replace
/// configured values of these fields: the ticket is found again by them.
pub(super) fn of_create(key: &TicketKey, id: Option<&SysId>, fields: &Body) -> Body {
    let mut body = fields.clone();
    body.entry("correlation_display")
        .or_insert_with(|| OPENED_BY.into());
    body.insert("correlation_id".to_owned(), key.as_str().into());
    body.remove("sys_id");
    if let Some(id) = id {
        body.insert("sys_id".to_owned(), id.as_str().into());
    }
    body
}

/// The body that makes `change`. The comment goes into `work_notes`: `comments` would be
/// mailed to the caller.
pub(super) fn of_change(change: &TicketChange) -> Body {
    let mut body = of_fields(&change.fields);
    if let Some(comment) = &change.comment {
        body.insert(
            "work_notes".to_owned(),
            marked(comment, &change.marker).into(),
        );
    }
    body
}

fn marked(comment: &str, marker: &str) -> String {
    if comment.contains(marker) {
        comment.to_owned()
    } else {
        format!("{comment}\n\n{marker}")
    }
}

/// The fields of `sent` that `record` shows empty or not at all.
pub(super) fn dropped(sent: &Body, record: &Record) -> Vec<String> {
    sent.iter()
        .filter(|(name, value)| {
            let something = value.as_str().is_some_and(|text| !text.is_empty());
            something && !JOURNALS.contains(&name.as_str()) && record.text(name).is_empty()
        })
        .map(|(name, _)| name.clone())
        .collect()
}

/// The fields of `sent` that `record` shows with another value.
pub(super) fn altered(sent: &Body, record: &Record) -> Vec<String> {
    sent.iter()
        .filter(|(name, value)| {
            let kept = record.text(name);
            let sent = value.as_str().unwrap_or_default();
            // Line ends and outer space are tidied by the instance without loss.
            !kept.is_empty() && !kept.split_whitespace().eq(sent.split_whitespace())
        })
        .map(|(name, _)| name.clone())
        .collect()
}

/// The fields of `sent` that `record` lacks, or has with a value that is not another spelling of what
/// was sent. Long texts are not compared: the instance may change their form.
pub(super) fn missing(sent: &Body, record: &Record) -> Vec<String> {
    let is_replaced = |name: &String| {
        let text = sent.get(name).and_then(Value::as_str).unwrap_or_default();
        let kept = record.text(name);
        // A name may be stored as the id that it stands for.
        let is_resolved = SysId::parse(&kept).is_some() && SysId::parse(text).is_none();
        text.len() <= MAX_COMPARED && !is_resolved && !is_same(text, &kept)
    };
    let replaced = altered(sent, record).into_iter().filter(is_replaced);
    let mut missing = dropped(sent, record);
    missing.extend(replaced);
    missing.sort();
    missing
}

/// Whether `kept` is `sent` in another spelling, or its beginning: columns cut silently.
fn is_same(sent: &str, kept: &str) -> bool {
    let (sent, kept) = (sent.trim().to_lowercase(), kept.trim().to_lowercase());
    let number = |text: &str| text.parse::<f64>().ok();
    let truth = |text: &str| match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    };
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    // A date and time.
    let is_time = digits(&sent).len() >= 8 && digits(&kept).starts_with(&digits(&sent));
    let is_number = number(&sent).is_some() && number(&sent) == number(&kept);
    let is_truth = truth(&sent).is_some() && truth(&sent) == truth(&kept);
    sent.starts_with(&kept) || is_number || is_truth || is_time
}

/// Labels of columns that are not their names with spaces, in lower case.
const LABELS: [(&str, &str); 6] = [
    ("business_service", "service"),
    ("caller_id", "caller"),
    ("close_code", "resolution code"),
    ("close_notes", "resolution notes"),
    ("cmdb_ci", "configuration item"),
    ("contact_type", "channel"),
];

/// The field of `sent` that `words` name, by its column or by its label. The longest one counts:
/// `Short description` is not `description`.
pub(super) fn named_field(sent: &Body, words: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words: String = words.to_lowercase();
    let parts: Vec<&str> = words.split(|letter| !is_part(letter)).collect();
    let spaced = format!(" {} ", parts.join(" "));
    let is_named = |column: &&String| {
        let plain = column.trim_start_matches("u_").replace('_', " ");
        let known = LABELS.iter().find(|(name, _)| name == column);
        let label = known.map_or(plain.as_str(), |(_, label)| label);
        parts.contains(&column.as_str()) || spaced.contains(&format!(" {label} "))
    };
    let longest = sent.keys().filter(is_named).max_by_key(|name| name.len());
    longest.cloned()
}

/// The field of `sent` that a unique `index` is about, going by its name.
pub(super) fn indexed_field(sent: &Body, index: &str) -> Option<String> {
    let index = index.to_lowercase();
    let is_about = |column: &&String| {
        let rest = index.strip_prefix(column.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            || index.ends_with(&format!("_{column}"))
    };
    let longest = sent.keys().filter(is_about).max_by_key(|name| name.len());
    longest.cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::identity::{IncidentId, TargetName};

    fn fields(value: Value) -> TicketFields {
        value.as_object().unwrap().clone()
    }

    fn record(value: Value) -> Record {
        Record::from_json(value).unwrap()
    }

    #[test]
    fn every_value_is_sent_as_text_and_a_null_not_at_all() {
        let body = of_fields(&fields(
            json!({"urgency": 1, "u_flag": true, "u_none": null, "impact": "2"}),
        ));
        assert_eq!(
            Value::Object(body),
            json!({"urgency": "1", "u_flag": "true", "impact": "2"})
        );
    }

    #[test]
    fn a_long_subject_is_cut_before_it_is_sent() {
        let body = of_fields(&fields(json!({"short_description": "x".repeat(300)})));
        let text = body["short_description"].as_str().unwrap();
        assert_eq!(text.chars().count(), 160);
    }

    #[test]
    fn our_key_and_our_id_stand_above_what_is_configured() {
        let key = TicketKey::of_incident(&IncidentId::new("3f9a"));
        let id = SysId::chosen_for(&TargetName::new("servicenow"), &key);
        let configured = of_fields(&fields(json!({
            "correlation_id": "mine", "sys_id": "mine", "correlation_display": "Telephony"
        })));
        let body = of_create(&key, Some(&id), &configured);
        assert_eq!(body["correlation_id"], "rd-3f9a");
        assert_eq!(body["sys_id"], id.as_str());
        assert_eq!(body["correlation_display"], "Telephony");
        let without = of_create(&key, None, &configured);
        assert!(!without.contains_key("sys_id"));
        assert_eq!(
            of_create(&key, None, &Body::new())["correlation_display"],
            "Ringdown"
        );
    }

    #[test]
    fn a_comment_is_internal_and_carries_its_marker_once() {
        let mut change = TicketChange {
            comment: Some("Still waiting.".to_owned()),
            marker: "[ref 3f9a]".to_owned(),
            fields: TicketFields::new(),
        };
        assert_eq!(
            Value::Object(of_change(&change)),
            json!({"work_notes": "Still waiting.\n\n[ref 3f9a]"})
        );
        change.comment = Some("Still waiting. [ref 3f9a]".to_owned());
        assert_eq!(
            of_change(&change)["work_notes"],
            "Still waiting. [ref 3f9a]"
        );
    }

    #[test]
    fn a_field_that_was_sent_and_comes_back_empty_or_not_at_all_was_dropped() {
        let sent = of_fields(&fields(json!({
            "assignment_group": "28", "u_typo": "x", "urgency": "1",
            "work_notes": "note", "category": ""
        })));
        let reply = record(json!({"assignment_group": "", "urgency": "1", "work_notes": ""}));
        assert_eq!(dropped(&sent, &reply), ["assignment_group", "u_typo"]);
    }

    #[test]
    fn a_field_that_comes_back_with_another_value_was_altered() {
        let sent = of_fields(&fields(json!({
            "priority": "1", "description": "a\r\nb ", "assignment_group": "28"
        })));
        let reply = record(json!({
            "priority": "4", "description": "a\nb",
            "assignment_group": {"link": "https://x", "value": "28"}
        }));
        assert_eq!(altered(&sent, &reply), ["priority"]);
        assert!(dropped(&sent, &reply).is_empty());
    }

    #[test]
    fn what_is_dropped_or_replaced_is_missing_and_another_spelling_is_not() {
        let id = "287ebd7da9fe198100f92cc8d1d2154e";
        for (sent, kept, is_missing) in [
            ("1", "", true),
            ("1", "4", true),
            ("Fax", "inquiry", true),
            ("Network", id, false),
            (id, "ffffffffffffffffffffffffffffffff", true),
            ("2.50", "2.5", false),
            ("true", "1", false),
            ("High", "high", false),
            ("a long text", "a long", false),
            ("2026-11-30T04:05:06Z", "2026-11-30 04:05:06", false),
        ] {
            let sent_body = of_fields(&fields(json!({"u_field": sent})));
            let reply = record(json!({"u_field": kept}));
            let missing = missing(&sent_body, &reply);
            assert_eq!(!missing.is_empty(), is_missing, "{sent} {kept}");
        }
        let sent = of_fields(&fields(json!({"u_typo": "x", "work_notes": "n"})));
        assert_eq!(missing(&sent, &record(json!({}))), ["u_typo"]);
    }

    #[test]
    fn a_field_is_known_by_its_column_or_its_label() {
        let sent = of_fields(&fields(json!({
            "short_description": "a", "description": "b", "cmdb_ci": "c", "u_site": "d"
        })));
        for (words, field) in [
            ("Invalid value for field 'description'", Some("description")),
            ("Short description", Some("short_description")),
            ("Configuration item", Some("cmdb_ci")),
            ("Data too long for column 'u_site'", Some("u_site")),
            ("Site", Some("u_site")),
            ("Assignment group", None),
            ("website", None),
        ] {
            assert_eq!(named_field(&sent, words).as_deref(), field, "{words}");
        }
        for (index, field) in [
            ("u_site", Some("u_site")),
            ("u_site_unique", Some("u_site")),
            ("idx_u_site", Some("u_site")),
            ("u_queue_unique", None),
        ] {
            assert_eq!(indexed_field(&sent, index).as_deref(), field, "{index}");
        }
    }
}
