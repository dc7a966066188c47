//! What Salesforce says about a refusal: one or several errors, in any of their shapes.
//!
//! Pure; may import: `targets::http`.

use serde_json::Value;

use crate::targets::http::{Answer, excerpt};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Error {
    code: String,
    message: String,
    field: Option<String>,
}

/// Everything Salesforce says about one refusal; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal(Vec<Error>);

/// What a refusal means for a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It passes by itself.
    Passing,
    /// A repetition would be refused alike.
    Lasting,
    /// An unknown code: orgs report temporary faults under unusual ones.
    Unknown,
}

/// Codes of faults that pass.
const PASSING: [&str; 5] = [
    "QUERY_TIMEOUT",
    "SERVER_UNAVAILABLE",
    "TXN_SECURITY_METERING_ERROR",
    "UNABLE_TO_LOCK_ROW",
    "UNKNOWN_EXCEPTION",
];

/// Codes of refusals that do not pass: the content, the mapping or a right is wrong.
const LASTING: [&str; 28] = [
    "BAD_CUSTOM_ENTITY_PARENT_DOMAIN",
    "DUPLICATES_DETECTED",
    "DUPLICATE_VALUE",
    "ENTITY_IS_DELETED",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_FILTER_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION",
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INVALID_CROSS_REFERENCE_KEY",
    "INVALID_EMAIL_ADDRESS",
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_ID_FIELD",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "INVALID_STATUS",
    "INVALID_TYPE",
    "INVALID_TYPE_ON_FIELD_IN_RECORD",
    "JSON_PARSER_ERROR",
    "MALFORMED_ID",
    "MALFORMED_QUERY",
    "METHOD_NOT_ALLOWED",
    "MISSING_ARGUMENT",
    "NOT_FOUND",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "REQUIRED_FIELD_MISSING",
    "STRING_TOO_LONG",
];

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

    pub(super) fn code(&self) -> &str {
        self.0.first().map_or("", |error| error.code.as_str())
    }

    pub(super) fn has(&self, code: &str) -> bool {
        self.0.iter().any(|error| error.code == code)
    }

    pub(super) fn message(&self) -> String {
        let messages: Vec<&str> = self.0.iter().map(|error| error.message.as_str()).collect();
        excerpt(&messages.join("; "))
    }

    /// The first field that is named.
    pub(super) fn field(&self) -> Option<&str> {
        self.0.iter().find_map(|error| error.field.as_deref())
    }

    /// Whether any message contains `words`. For codes inside of messages and for texts of
    /// 401s only: messages are in the user's language.
    pub(super) fn says(&self, words: &str) -> bool {
        self.0.iter().any(|error| error.message.contains(words))
    }

    /// Whether repeating helps. One error that lasts is enough for a lasting refusal, unless
    /// it wraps a lock that another transaction holds.
    pub(super) fn reason(&self) -> Reason {
        let is_one_of = |codes: &[&str]| self.0.iter().any(|e| codes.contains(&e.code.as_str()));
        if self.says("UNABLE_TO_LOCK_ROW") {
            Reason::Passing
        } else if is_one_of(&LASTING) {
            Reason::Lasting
        } else if is_one_of(&PASSING) {
            Reason::Passing
        } else {
            Reason::Unknown
        }
    }
}

impl Error {
    /// `errorCode` in most places, `statusCode` in rows of collections.
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let code = text("errorCode").or_else(|| text("statusCode"))?;
        let fields = value.get("fields").and_then(Value::as_array);
        let field = fields.and_then(|fields| fields.first()?.as_str());
        Some(Self {
            code: code.to_owned(),
            message: text("message").unwrap_or_default().to_owned(),
            field: field.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(body: &Value) -> Refusal {
        Refusal::in_body(body).unwrap()
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
            assert_eq!(refusal.field(), Some("Name"));
        }
    }

    #[test]
    fn fields_may_be_missing_or_empty() {
        let without = json!([{"message": "m", "errorCode": "X"}]);
        let empty = json!([{"message": "m", "errorCode": "X", "fields": []}]);
        assert_eq!(refusal(&without).field(), None);
        assert_eq!(refusal(&empty).field(), None);
    }

    #[test]
    fn several_errors_are_all_told() {
        let body = json!([{"message": "one", "errorCode": "UNABLE_TO_LOCK_ROW"},
            {"message": "two", "errorCode": "STRING_TOO_LONG", "fields": ["Subject"]}]);
        let refusal = refusal(&body);
        assert_eq!(refusal.message(), "one; two");
        assert_eq!(refusal.field(), Some("Subject"));
        assert_eq!(refusal.reason(), Reason::Lasting);
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
        ] {
            assert_eq!(Refusal::in_body(&body), None, "{body}");
        }
    }
}
