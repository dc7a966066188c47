//! How Salesforce says no: the array of errors, and the other shapes it is known to take.

use serde_json::{Value, json};

use super::switches::ErrorShape;
use crate::wire::Answer;

/// An answer that is not a success.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) errors: Vec<Value>,
}

pub(super) fn refuse(status: u16, code: &str, message: impl Into<String>) -> Refusal {
    let error = json!({"message": message.into(), "errorCode": code});
    Refusal {
        status,
        errors: vec![error],
    }
}

pub(super) fn not_found() -> Refusal {
    refuse(404, "NOT_FOUND", "The requested resource does not exist")
}

pub(super) fn no_such_column(field: &str, object: &str) -> Refusal {
    let message = format!("No such column '{field}' on sobject of type {object}");
    refuse(400, "INVALID_FIELD", message)
}

pub(super) fn bad_json(detail: impl std::fmt::Display) -> Refusal {
    refuse(400, "JSON_PARSER_ERROR", detail.to_string())
}

impl Refusal {
    /// Names the fields at fault.
    pub(super) fn blaming(mut self, fields: &[&str]) -> Self {
        for error in &mut self.errors {
            if let Some(error) = error.as_object_mut() {
                error.insert("fields".to_owned(), json!(fields));
            }
        }
        self
    }

    /// The same errors as collections spell them.
    pub(super) fn row_errors(&self) -> Vec<Value> {
        self.errors
            .iter()
            .map(|error| {
                let fields = error.get("fields").cloned().unwrap_or_else(|| json!([]));
                json!({"statusCode": error["errorCode"], "message": error["message"], "fields": fields})
            })
            .collect()
    }

    pub(super) fn body(&self) -> Value {
        Value::Array(self.errors.clone())
    }

    pub(super) fn answer(self, shape: ErrorShape) -> Answer {
        match shape {
            ErrorShape::Array => Answer::json(self.status, &self.body()),
            ErrorShape::Object => {
                Answer::json(self.status, self.errors.first().unwrap_or(&Value::Null))
            }
            ErrorShape::Html => Answer::html(self.status, gateway_page(self.status)),
            ErrorShape::Empty => Answer::empty(self.status),
        }
    }
}

/// A page such as proxies in front of Salesforce send.
pub(super) fn gateway_page(status: u16) -> String {
    format!(
        "<html><head><title>{status}</title></head><body><h1>{status}</h1>\
<p>We are down for maintenance. Sorry for the inconvenience.</p></body></html>"
    )
}
