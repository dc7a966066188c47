//! Which of the fields that were sent a refusal is about.
//!
//! Salesforce names the field in most refusals. Where it does not, its message may quote the field
//! or the value, which is the same in every language. Pure; may import: `domain`.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::domain::failure::Failure;

/// `failure` with the fields of `sent` that `refusal` is about. A field that was not sent cannot be
/// left out: then no value of ours is refused.
pub(super) fn blame(failure: Failure, refusal: &Refusal, sent: &Map<String, Value>) -> Failure {
    let mut failure = failure;
    if !failure.refuses_value {
        return failure;
    }
    // Some refusals of an id name the field `Id`, whichever field holds it.
    let mut named = refusal.fields();
    named.retain(|name| name != "Id");
    let blamed: Vec<&str> = sent
        .keys()
        .filter(|field| named.iter().any(|name| name.eq_ignore_ascii_case(field)))
        .map(String::as_str)
        .collect();
    if !blamed.is_empty() {
        failure.field = Some(blamed.join(", "));
    } else if named.is_empty() {
        failure.field = quoted_in(&refusal.whole_message(), sent);
    } else {
        failure.refuses_value = false;
    }
    failure
}

/// The one field of `sent` that `message` quotes, by its name or its value.
fn quoted_in(message: &str, sent: &Map<String, Value>) -> Option<String> {
    let mut quoted = sent.iter().filter(|(name, value)| {
        // Names without an underscore, such as Status, are words of the language too.
        (name.contains('_') && has_word(message, name)) || quotes(message, value)
    });
    let (name, _) = quoted.next()?;
    quoted.next().is_none().then(|| name.clone())
}

/// Whether `message` has `value` after a colon or as what could not be read.
fn quotes(message: &str, value: &Value) -> bool {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return false,
    };
    let ends_there = |rest: &str| !rest.starts_with(char::is_alphanumeric);
    let after_colon = format!(": {text}");
    message.split(&after_colon).skip(1).any(ends_there)
        || message.contains(&format!(" value {text} or "))
}

fn has_word(message: &str, word: &str) -> bool {
    message
        .split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::{FailureKind, FailureScope, ResolvedBy, class};
    use serde_json::json;

    fn blamed(code: &str, message: &str, fields: &[&str]) -> (bool, Option<String>) {
        let refused = json!([{"errorCode": code, "message": message, "fields": fields}]);
        let refusal = Refusal::in_body(&refused).unwrap();
        let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
        let mut failure = Failure::new(FailureKind::IntegrationFailure, class, message);
        failure.refuses_value = true;
        let sent = json!({"Subject": "Billing", "Status": "New", "OwnerId": "00G000000000001AAA",
            "Queue__c": "q", "Wait__c": "abc"});
        let failure = blame(failure, &refusal, sent.as_object().unwrap());
        (failure.refuses_value, failure.field)
    }

    #[test]
    fn a_field_is_blamed_that_is_named_by_whichever_spelling() {
        let one = blamed("STRING_TOO_LONG", "m", &["queue__c"]);
        assert_eq!(one, (true, Some("Queue__c".to_owned())));
        let (_, several) = blamed("INVALID_EMAIL_ADDRESS", "m", &["Subject", "Status"]);
        let several = several.unwrap();
        let mut several: Vec<&str> = several.split(", ").collect();
        several.sort_unstable();
        assert_eq!(several, ["Status", "Subject"]);
    }

    #[test]
    fn where_no_field_is_named_the_quoted_value_tells_it() {
        let owner = Some("OwnerId".to_owned());
        let id = "Owner ID: id value of incorrect type: 00G000000000001AAA";
        assert_eq!(blamed("MALFORMED_ID", id, &["Id"]), (true, owner));
        let number = "Cannot deserialize instance of double from VALUE_STRING value abc or request \
                      may be missing a required field at [line:1, column:2]";
        let wait = Some("Wait__c".to_owned());
        assert_eq!(blamed("JSON_PARSER_ERROR", number, &[]), (true, wait));
        let unknown = blamed(
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            &[],
        );
        assert_eq!(unknown, (true, None));
    }

    #[test]
    fn a_field_that_was_not_sent_cannot_be_left_out() {
        let (refuses, _) = blamed("STRING_TOO_LONG", "m", &["Site__c"]);
        assert!(!refuses);
        let message = "No such column 'Site__c' on sobject of type Case";
        let (refuses, _) = blamed("INVALID_FIELD", message, &[]);
        assert!(!refuses);
    }
}
