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
    /// Our user may not use the API. A switch of nodes causes it for a while.
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

    /// The error in `body`, when the instance has written it. Gateways have an `error` too: a text
    /// alone, one without a message or with a code in it, or with a number as `status`.
    pub(super) fn in_body(body: &Value) -> Option<Self> {
        let status = body.get("status");
        let is_ours = status.is_none_or(|status| status == "failure");
        match body.get("error").filter(|_| is_ours)? {
            Value::String(words) if status.is_some() => Some(Self {
                message: excerpt(words),
                detail: String::new(),
            }),
            Value::Object(error)
                if error.get("message").is_some_and(Value::is_string)
                    && !error.contains_key("code") =>
            {
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
        } else if says("User Not Authorized") {
            Reason::ApiAccessControl
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
mod tests;
