//! What Salesforce says about a refusal: one or several errors, in any of their shapes.
//!
//! Only JSON of Salesforce's own shape is its word; everything else comes from something in front
//! of it. Pure; may import: `targets::http`.

use serde_json::Value;

use super::codes::Meaning;
use crate::targets::http::{Answer, excerpt};

/// Longest code that is taken for one.
const MAX_CODE_LENGTH: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Error {
    code: String,
    message: String,
    fields: Vec<String>,
}

/// Everything Salesforce says about one refusal; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal(Vec<Error>);

impl Refusal {
    /// The refusal in the body of `answer`; `None` when it is not in the format of Salesforce.
    pub(super) fn in_answer(answer: &Answer) -> Option<Self> {
        Self::in_body(&answer.json()?)
    }

    /// An array of errors, one bare error, or a result whose `errors` hold them.
    pub(super) fn in_body(body: &Value) -> Option<Self> {
        let errors: Vec<Error> = match body {
            Value::Array(items) => items.iter().filter_map(Error::read).collect(),
            Value::Object(object) => match object.get("errors") {
                Some(Value::Array(items)) => items.iter().filter_map(Error::read).collect(),
                _ => Error::read(body).into_iter().collect(),
            },
            _ => Vec::new(),
        };
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// What the refusal is about: the meaning that comes first of all errors in it.
    pub(super) fn meaning(&self) -> Meaning {
        let meanings = self.0.iter().map(Error::meaning);
        meanings.min().unwrap_or(Meaning::Unknown)
    }

    /// The code of the error that decides.
    pub(super) fn code(&self) -> &str {
        self.deciding().next().map_or("", |error| &error.code)
    }

    pub(super) fn has(&self, code: &str) -> bool {
        self.0.iter().any(|error| error.code == code)
    }

    pub(super) fn message(&self) -> String {
        excerpt(&self.whole_message())
    }

    pub(super) fn whole_message(&self) -> String {
        let messages: Vec<&str> = self.0.iter().map(|error| error.message.as_str()).collect();
        messages.join("; ")
    }

    /// The fields that the deciding errors name, each once, by their API names.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> = Vec::new();
        for field in self.deciding().flat_map(Error::named_fields) {
            if !fields.iter().any(|one| one.eq_ignore_ascii_case(&field)) {
                fields.push(field);
            }
        }
        fields
    }

    /// Whether any message contains `words`. For texts of 401s only: messages are in the user's
    /// language.
    pub(super) fn says(&self, words: &str) -> bool {
        self.0.iter().any(|error| error.message.contains(words))
    }

    fn deciding(&self) -> impl Iterator<Item = &Error> {
        let meaning = self.meaning();
        self.0
            .iter()
            .filter(move |error| error.meaning() == meaning)
    }
}

impl Error {
    /// `errorCode` in most places, `statusCode` in rows of collections.
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let code = text("errorCode").or_else(|| text("statusCode"))?;
        // SOAP writes a namespace before its codes, which some pages of the REST API copy.
        let code = code.strip_prefix("sf:").unwrap_or(code);
        if !is_code(code) {
            return None;
        }
        let fields = value.get("fields").and_then(Value::as_array);
        let fields = fields.into_iter().flatten().filter_map(Value::as_str);
        Some(Self {
            code: code.to_owned(),
            message: text("message").unwrap_or_default().to_owned(),
            fields: fields.map(str::to_owned).collect(),
        })
    }

    /// What the error is about. A trigger or a flow that met another error quotes its code.
    fn meaning(&self) -> Meaning {
        let words = self
            .message
            .split(|character: char| !is_in_code(character))
            .filter(|word| word.contains('_'));
        let quoted = words
            .map(Meaning::of)
            .filter(|meaning| meaning.is_beyond_the_record());
        quoted.min().unwrap_or_else(|| self.own_meaning())
    }

    fn own_meaning(&self) -> Meaning {
        // The parser is the first to see a text where a number or a time must be.
        if self.code == "JSON_PARSER_ERROR" && self.message.contains("Cannot deserialize") {
            return Meaning::Value;
        }
        Meaning::of(&self.code)
    }

    /// The fields of `fields`, or those in the message: the names are the same in every language.
    fn named_fields(&self) -> Vec<String> {
        if !self.fields.is_empty() {
            return self.fields.clone();
        }
        match self.code.as_str() {
            // No such column 'X' on sobject of type Case
            "INVALID_FIELD" => between(&self.message, '\'', '\'')
                .filter(|name| is_api_name(name))
                .map(|name| vec![name.to_owned()])
                .unwrap_or_default(),
            // Required fields are missing: [A, B]
            "REQUIRED_FIELD_MISSING" => names(between(&self.message, '[', ']')),
            // Unable to create/update fields: A, B. Please check …
            "INVALID_FIELD_FOR_INSERT_UPDATE" => {
                let listed = self.message.split_once(": ");
                names(listed.and_then(|(_, rest)| rest.split(". ").next()))
            }
            // duplicate value found: X duplicates value on record with id: 500…
            "DUPLICATE_VALUE" => {
                let rest = self.message.split_once(": ");
                names(rest.and_then(|(_, rest)| rest.split(' ').next()))
            }
            _ => Vec::new(),
        }
    }
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside)
}

/// The names in a list with commas; none if anything else is in it.
fn names(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',');
    let names: Vec<&str> = names
        .map(|name| name.trim().trim_end_matches('.'))
        .collect();
    match names.iter().all(|name| is_api_name(name)) {
        true => names.into_iter().map(str::to_owned).collect(),
        false => Vec::new(),
    }
}

fn is_api_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.'))
}

/// Salesforce's codes are words in capitals; gateways have numbers, or words with dots.
fn is_code(text: &str) -> bool {
    text.len() <= MAX_CODE_LENGTH
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(is_in_code)
}

fn is_in_code(character: char) -> bool {
    character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(body: &Value) -> Refusal {
        Refusal::in_body(body).unwrap()
    }

    fn fields(code: &str, message: &str) -> Vec<String> {
        refusal(&json!([{"message": message, "errorCode": code, "fields": []}])).fields()
    }

    #[test]
    fn an_error_is_read_in_each_of_its_shapes() {
        let error = json!({"message": "Required fields are missing: [Name]",
            "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["Name"]});
        let row = json!({"success": false, "errors": [
            {"statusCode": "REQUIRED_FIELD_MISSING", "message": "m", "fields": ["Name"]}]});
        for body in [json!([error]), error.clone(), row] {
            let refusal = refusal(&body);
            assert_eq!(refusal.code(), "REQUIRED_FIELD_MISSING");
            assert_eq!(refusal.fields(), ["Name"]);
        }
    }

    #[test]
    fn fields_may_be_missing_or_empty() {
        let without = json!([{"message": "m", "errorCode": "X"}]);
        let empty = json!([{"message": "m", "errorCode": "X", "fields": []}]);
        assert!(refusal(&without).fields().is_empty());
        assert!(refusal(&empty).fields().is_empty());
    }

    #[test]
    fn fields_that_only_the_message_names_are_read_from_it() {
        let unknown = "No such column 'Queue__c' on sobject of type Case";
        assert_eq!(fields("INVALID_FIELD", unknown), ["Queue__c"]);
        let missing = "Campos obrigatórios ausentes: [Name, Reason__c]";
        assert_eq!(
            fields("REQUIRED_FIELD_MISSING", missing),
            ["Name", "Reason__c"]
        );
        let barred = "Unable to create/update fields: Priority, Origin. Please check the security";
        let code = "INVALID_FIELD_FOR_INSERT_UPDATE";
        assert_eq!(fields(code, barred), ["Priority", "Origin"]);
        let taken = "duplicate value found: Asset__c duplicates value on record with id: 5000";
        assert_eq!(fields("DUPLICATE_VALUE", taken), ["Asset__c"]);
        let nobody =
            "duplicate value found: <unknown> duplicates value on record with id: <unknown>";
        assert!(fields("DUPLICATE_VALUE", nobody).is_empty());
    }

    #[test]
    fn several_errors_are_all_told_and_the_heaviest_decides() {
        let body = json!([{"message": "one", "errorCode": "UNABLE_TO_LOCK_ROW"},
            {"message": "two", "errorCode": "STRING_TOO_LONG", "fields": ["Subject"]},
            {"message": "three", "errorCode": "INVALID_EMAIL_ADDRESS", "fields": ["subject", "SuppliedEmail"]}]);
        let refusal = refusal(&body);
        assert_eq!(refusal.message(), "one; two; three");
        assert_eq!(refusal.fields(), ["Subject", "SuppliedEmail"]);
        assert_eq!(refusal.code(), "STRING_TOO_LONG");
        assert_eq!(refusal.meaning(), Meaning::Value);
    }

    #[test]
    fn what_is_not_salesforces_is_no_refusal() {
        for body in [
            json!(null),
            json!([]),
            json!({}),
            json!("x"),
            json!([1]),
            json!({"errors": []}),
            json!({"message": "Forbidden"}),
            json!({"statusCode": 403, "message": "Forbidden"}),
            json!({"errorCode": "policy.ratelimit", "message": "Quota"}),
            json!([{"errorCode": "403", "message": "Forbidden"}]),
        ] {
            assert_eq!(Refusal::in_body(&body), None, "{body}");
        }
    }
}
