//! How Salesforce speaks OAuth.

use super::data_address;
use crate::targets::http::Answer;
use crate::targets::oauth::{ClientAuth, OAuthDialect};

/// Errors by which Salesforce says that the trouble is its own.
const TEMPORARY_ERRORS: [&str; 3] = ["server_error", "temporarily_unavailable", "unknown_error"];

pub(crate) static DIALECT: OAuthDialect = OAuthDialect {
    client_auth: ClientAuth::InForm,
    is_temporary,
    data_address: data_address::checked,
};

/// Salesforce answers 400 to all refusals, so the status alone does not tell.
fn is_temporary(answer: &Answer, error: &str) -> bool {
    answer.status >= 500 || TEMPORARY_ERRORS.contains(&error)
}
