//! What the instance says in an error: `{"error": {"message", "detail"}, "status": "failure"}`.
//!
//! Only `detail` has the words that a person needs: which business rule, which field. Pure;
//! may import: `targets::http`.

use serde_json::Value;

use crate::targets::http::{Answer, excerpt};

/// The words in an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Refusal {
    message: String,
    detail: String,
}

/// Which of the known refusals it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// A business rule aborted the write; its name. The rule's own message is not in the answer.
    BusinessRule(String),
    /// A data policy requires fields that are empty.
    MissingField,
    /// The value of a field is too long, unknown, or may not be written.
    Value,
    /// An access control refused the operation.
    AccessControl,
    /// The role check of the API itself failed, which a node switch causes for a while.
    ApiAccessControl,
    /// The token is not made for this API.
    Scope,
    /// The query asks for a field that is not there or not readable.
    Query,
    /// The instance has no such API or table.
    NoApi,
    /// A server-side quota ended the transaction.
    Cancelled,
    Other,
}

/// Words about a value that was sent, in lower case.
const VALUE_WORDS: [&str; 18] = [
    // An instance can be read only as a whole, too.
    "fields are read only",
    "field is read only",
    "fields are read-only",
    "field is read-only",
    "not writable",
    "not writeable",
    "cannot be written",
    "too long",
    "data truncation",
    "maximum length",
    "invalid choice",
    "valid choice",
    "unknown choice",
    "invalid value",
    "valid value",
    "invalid reference",
    "valid reference",
    "does not exist in choice",
];

impl Refusal {
    /// The error in the body of `answer`, when there is one.
    pub(super) fn in_answer(answer: &Answer) -> Option<Self> {
        Self::in_body(&answer.json()?)
    }

    /// The error in `body`, when the instance has written it. Gateways have an `error` too, with a
    /// code in it or a number as `status`.
    pub(super) fn in_body(body: &Value) -> Option<Self> {
        let is_ours = body.get("status").is_none_or(|status| status == "failure");
        match body.get("error").filter(|_| is_ours)? {
            Value::String(words) => Some(Self {
                message: excerpt(words),
                detail: String::new(),
            }),
            Value::Object(error) if !error.contains_key("code") => {
                let text = |name: &str| {
                    let found = error.get(name).and_then(Value::as_str);
                    excerpt(found.unwrap_or_default())
                };
                Some(Self {
                    message: text("message"),
                    detail: text("detail"),
                })
            }
            _ => None,
        }
    }

    /// The sentence to show: the detail, or the message where there is none.
    pub(super) fn sentence(&self) -> &str {
        match (self.detail.as_str(), self.message.as_str()) {
            ("", "") => "the instance gave no reason",
            ("", message) => message,
            (detail, _) => detail,
        }
    }

    /// Which of the known refusals it is.
    pub(super) fn reason(&self) -> Reason {
        let both = format!("{} {}", self.message, self.detail);
        let lower = both.to_lowercase();
        let says = |words: &str| both.contains(words);
        if let Some(rule) = business_rule(&self.detail) {
            Reason::BusinessRule(rule)
        } else if says("Failed API level ACL Validation") {
            Reason::ApiAccessControl
        } else if says("api access scope") {
            Reason::Scope
        } else if says("rights to query records") || says("present in the query") {
            Reason::Query
        } else if says("Requested URI does not represent") || says("Invalid table") {
            Reason::NoApi
        } else if says("Transaction cancelled") {
            Reason::Cancelled
        } else if says("ACL Exception") || says("security constraints") || says("sys_id") {
            Reason::AccessControl
        } else if lower.contains("mandatory") {
            Reason::MissingField
        } else if VALUE_WORDS.iter().any(|words| lower.contains(words)) {
            Reason::Value
        } else {
            Reason::Other
        }
    }

    /// The kind of refusal as an error code: the instance sends none.
    pub(super) fn code(&self) -> String {
        match self.reason() {
            Reason::BusinessRule(rule) => format!("Business Rule '{rule}'"),
            _ if self.detail.contains("Data Policy Exception") => {
                "Data Policy Exception".to_owned()
            }
            Reason::AccessControl => "ACL Exception".to_owned(),
            _ => self.message.clone(),
        }
    }

    /// The field that it names: a column, or a label, or several with commas between.
    pub(super) fn field(&self) -> Option<String> {
        let sentence = self.sentence();
        let named = match self.reason() {
            Reason::MissingField => after(sentence, "mandatory:"),
            Reason::Value => after(sentence, "read only:")
                .or_else(|| after(sentence, "read-only:"))
                .or_else(|| quoted_after(sentence, "column '"))
                .or_else(|| quoted_after(sentence, "field '")),
            _ => None,
        }?;
        let named = named.trim().trim_end_matches('.').to_owned();
        (!named.is_empty()).then_some(named)
    }
}

/// `… was aborted by Business Rule 'Don't check^5230…af79'. Business Rule Stack:…` → `Don't check`.
fn business_rule(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once("Business Rule '")?;
    // A name may hold apostrophes.
    let quoted = rest
        .split_once("'. Business Rule Stack")
        .or_else(|| rest.rsplit_once('\''))
        .map_or(rest, |(quoted, _)| quoted);
    // The rule's own id follows its name.
    let name = quoted.rsplit_once('^').map_or(quoted, |(name, _)| name);
    Some(name.trim().to_owned())
}

fn after<'text>(text: &'text str, words: &str) -> Option<&'text str> {
    text.split_once(words).map(|(_, rest)| rest)
}

/// The column in `for column 'incident.u_x' at row 1`.
fn quoted_after<'text>(text: &'text str, words: &str) -> Option<&'text str> {
    let (quoted, _) = after(text, words)?.split_once('\'')?;
    quoted.rsplit('.').next()
}

/// Whether `answer` says that another record has a value that must be unique. Under which status
/// it comes is not documented, so the words decide: they are those of the database.
pub(super) fn is_unique_violation(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    body.contains("unique key violation") || body.contains("duplicate entry")
}

/// The violated index in `Duplicate entry 'x' for key 'incident.u_queue_unique'`, without its
/// table; `None` where the words name none.
pub(super) fn violated_index(words: &str) -> Option<&str> {
    quoted_after(words, "for key '")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(message: &str, detail: &str) -> Refusal {
        let body = json!({"error": {"message": message, "detail": detail}, "status": "failure"});
        Refusal::in_body(&body).unwrap()
    }

    #[test]
    fn g15_a_business_rule_is_named() {
        let refusal = refusal(
            "Operation Failed",
            "Operation against file 'incident' was aborted by Business Rule \
             'Check caller^5230b1f6c0a8016400f2d7e7d9a1af79'. Business Rule Stack:Check caller",
        );
        assert_eq!(
            refusal.reason(),
            Reason::BusinessRule("Check caller".to_owned())
        );
        assert_eq!(refusal.code(), "Business Rule 'Check caller'");
    }

    #[test]
    fn g15_a_data_policy_names_the_fields_that_it_misses() {
        let refusal = refusal(
            "Operation Failed",
            "Data Policy Exception: The following fields are mandatory: Resolution code, \
             Resolution notes",
        );
        assert_eq!(
            refusal.field().as_deref(),
            Some("Resolution code, Resolution notes")
        );
        assert_eq!(refusal.code(), "Data Policy Exception");
    }

    #[test]
    fn a_name_with_an_apostrophe_is_whole() {
        let rule = "Don't allow 'blank' caller";
        let detail = format!(
            "Operation against file 'incident' was aborted by Business Rule \
             '{rule}^5230b1f6c0a8016400f2d7e7d9a1af79'. Business Rule Stack:{rule}"
        );
        let stacked = refusal("Operation Failed", &detail);
        assert_eq!(stacked.reason(), Reason::BusinessRule(rule.to_owned()));
        let (without_stack, _) = detail.split_once(" Business Rule Stack").unwrap();
        let alone = refusal("Operation Failed", without_stack);
        assert_eq!(alone.reason(), Reason::BusinessRule(rule.to_owned()));
    }

    #[test]
    fn a_refused_value_names_its_field_where_the_instance_does() {
        for (detail, field) in [
            (
                "Data Policy Exception: The following fields are read only: Category",
                Some("Category"),
            ),
            (
                "Data truncation: Data too long for column 'incident.u_site' at row 1",
                Some("u_site"),
            ),
            ("Invalid choice for field 'category'", Some("category")),
            ("x is not a valid reference", None),
        ] {
            let refusal = refusal("Operation Failed", detail);
            assert_eq!(refusal.reason(), Reason::Value, "{detail}");
            assert_eq!(refusal.field().as_deref(), field, "{detail}");
        }
    }

    #[test]
    fn an_error_of_a_gateway_is_not_the_instances() {
        for body in [
            json!({"message": "Forbidden"}),
            json!({"error": {"code": "Forbidden", "message": "denied"}}),
            json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "denied"}}),
            json!({"timestamp": 1, "status": 403, "error": "Forbidden", "path": "/api/now"}),
            json!({"error": null}),
        ] {
            assert_eq!(Refusal::in_body(&body), None, "{body}");
        }
        let text = json!({"error": "no", "status": "failure"});
        assert_eq!(Refusal::in_body(&text).unwrap().sentence(), "no");
    }

    #[test]
    fn a_violated_index_is_named_without_its_table() {
        for (words, index) in [
            ("Duplicate entry 'x' for key 'PRIMARY'", Some("PRIMARY")),
            (
                "Unique Key violation detected by database ((conn=1) Duplicate entry 'x' for key \
                 'incident.u_queue_unique')",
                Some("u_queue_unique"),
            ),
            ("Unique Key violation detected by database", None),
        ] {
            assert_eq!(violated_index(words), index, "{words}");
        }
    }

    #[test]
    fn the_known_refusals_are_told_apart() {
        for (message, detail, reason) in [
            (
                "Operation Failed",
                "ACL Exception Insert Failed due to security constraints",
                Reason::AccessControl,
            ),
            (
                "User Not Authorized",
                "Failed API level ACL Validation",
                Reason::ApiAccessControl,
            ),
            (
                "Forbidden",
                "Missing required api access scope",
                Reason::Scope,
            ),
            (
                "Insufficient rights to query records",
                "Field(s) present in the query do not have permission to be read",
                Reason::Query,
            ),
            (
                "Transaction cancelled: maximum execution time exceeded",
                "",
                Reason::Cancelled,
            ),
            ("Invalid table u_typo", "", Reason::NoApi),
            (
                "Requested URI does not represent any resource",
                "",
                Reason::NoApi,
            ),
            ("Operation Failed", "validation", Reason::Other),
        ] {
            assert_eq!(refusal(message, detail).reason(), reason, "{message}");
        }
    }

    #[test]
    fn the_detail_is_shown_and_the_message_where_there_is_none() {
        assert_eq!(refusal("Operation Failed", "why").sentence(), "why");
        let without = json!({"error": {"message": "Requested URI", "detail": null}});
        assert_eq!(
            Refusal::in_body(&without).unwrap().sentence(),
            "Requested URI"
        );
        assert_eq!(Refusal::in_body(&json!({"result": []})), None);
    }
}
