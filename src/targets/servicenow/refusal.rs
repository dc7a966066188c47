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
    /// A data policy misses these fields; labels, not column names.
    DataPolicy(String),
    /// An access control refused the write.
    AccessControl,
    /// The role check of the API itself failed, which a node switch causes for a while.
    ApiAccessControl,
    /// The token is not made for this API.
    Scope,
    /// The query asks for a field that is not there or not readable.
    Query,
    /// A server-side quota ended the transaction.
    Cancelled,
    Other,
}

impl Refusal {
    /// The error in the body of `answer`, when there is one.
    pub(super) fn in_answer(answer: &Answer) -> Option<Self> {
        Self::in_body(&answer.json()?)
    }

    /// The error in `body`, when there is one.
    pub(super) fn in_body(body: &Value) -> Option<Self> {
        let error = body.get("error")?;
        let text = |name: &str| {
            let found = error.get(name).and_then(Value::as_str).unwrap_or_default();
            excerpt(found)
        };
        Some(match error {
            Value::String(words) => Self {
                message: excerpt(words),
                detail: String::new(),
            },
            _ => Self {
                message: text("message"),
                detail: text("detail"),
            },
        })
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
        let says = |words: &str| both.contains(words);
        if let Some(rule) = business_rule(&self.detail) {
            Reason::BusinessRule(rule)
        } else if let Some(fields) = mandatory_fields(&self.detail) {
            Reason::DataPolicy(fields)
        } else if says("Failed API level ACL Validation") {
            Reason::ApiAccessControl
        } else if says("api access scope") {
            Reason::Scope
        } else if says("rights to query records") || says("present in the query") {
            Reason::Query
        } else if says("Transaction cancelled") {
            Reason::Cancelled
        } else if says("ACL Exception") || says("security constraints") || says("sys_id") {
            Reason::AccessControl
        } else {
            Reason::Other
        }
    }

    /// The kind of refusal as an error code: the instance sends none.
    pub(super) fn code(&self) -> String {
        match self.reason() {
            Reason::BusinessRule(rule) => format!("Business Rule '{rule}'"),
            Reason::DataPolicy(_) => "Data Policy Exception".to_owned(),
            Reason::AccessControl => "ACL Exception".to_owned(),
            _ => self.message.clone(),
        }
    }

    /// The label of the field it is about.
    pub(super) fn field(&self) -> Option<String> {
        match self.reason() {
            Reason::DataPolicy(fields) => Some(fields),
            _ => None,
        }
    }
}

/// `… was aborted by Business Rule 'Check caller^5230…af79'. …` → `Check caller`.
fn business_rule(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once("Business Rule '")?;
    let (quoted, _) = rest.split_once('\'')?;
    // The rule's own id follows its name.
    let name = match quoted.rsplit_once('^') {
        Some((name, _)) => name,
        None => quoted,
    };
    Some(name.trim().to_owned())
}

/// `Data Policy Exception: The following fields are mandatory: Resolution code` → the label.
fn mandatory_fields(detail: &str) -> Option<String> {
    if !detail.contains("Data Policy Exception") {
        return None;
    }
    let labels = detail.rsplit(':').next().unwrap_or_default();
    Some(labels.trim().trim_end_matches('.').to_owned())
}

/// Whether `answer` says that the record's id is taken. Under which status it comes is not
/// documented, so the words decide: they are those of the database.
pub(super) fn is_duplicate_id(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    body.contains("unique key violation") || body.contains("duplicate entry")
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
            ("Invalid table u_typo", "", Reason::Other),
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
