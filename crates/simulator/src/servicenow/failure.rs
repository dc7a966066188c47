//! Errors in the words of the Table API.
//!
//! Imports nothing of ours but the wire. Source: ServiceNow's REST documents and texts seen by
//! real clients.

use serde_json::json;

use crate::wire::Answer;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    status: u16,
    message: String,
    detail: Option<String>,
}

impl Failure {
    /// An error with these words.
    pub(super) fn new(status: u16, message: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            message: message.to_owned(),
            detail: Some(detail.into()),
        }
    }

    /// The operation was refused by a rule about the record.
    pub(super) fn operation_failed(detail: impl Into<String>) -> Self {
        Self::new(403, "Operation Failed", detail)
    }

    /// An access control on the table refuses `operation`: `Insert`, `Update` or `Delete`.
    pub(super) fn acl(operation: &str) -> Self {
        Self::operation_failed(format!(
            "ACL Exception {operation} Failed due to security constraints"
        ))
    }

    /// The fields with these labels are mandatory.
    pub(super) fn data_policy(labels: &[&str]) -> Self {
        Self::operation_failed(format!(
            "Data Policy Exception: The following fields are mandatory: {}",
            labels.join(", ")
        ))
    }

    /// A business rule aborts the operation; its own message never reaches the client.
    pub(super) fn business_rule(name: &str) -> Self {
        Self::operation_failed(format!(
            "Operation against file 'incident' was aborted by Business Rule \
             '{name}^523012a0c0a8016400c1e5c5b5a1af79'. Business Rule Stack:{name}"
        ))
    }

    /// No, wrong and expired credentials alike.
    pub(super) fn not_authenticated() -> Self {
        Self::new(
            401,
            "User Not Authenticated",
            "Required to provide Auth information",
        )
    }

    /// Missing, or not readable by this user.
    pub(super) fn no_record() -> Self {
        Self::new(
            404,
            "No Record found",
            "Record doesn't exist or ACL restricts the record retrieval",
        )
    }

    /// No such route.
    pub(super) fn no_resource() -> Self {
        Self {
            status: 400,
            message: "Requested URI does not represent any resource".to_owned(),
            detail: None,
        }
    }

    /// The answer.
    pub(super) fn answer(&self) -> Answer {
        let answer = Answer::json(
            self.status,
            &json!({
                "error": {"message": self.message, "detail": self.detail},
                "status": "failure",
            }),
        );
        match self.status {
            401 => answer.with("www-authenticate", "Basic realm=\"Service-now\""),
            _ => answer,
        }
    }
}
