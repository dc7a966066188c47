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
}
