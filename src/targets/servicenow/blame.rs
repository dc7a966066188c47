//! Which of the fields that we sent a refusal is about. Pure; may import: `domain`.

use super::body::{self, Body};
use super::refusal::violated_index;
use crate::domain::failure::{Failure, FailureScope, ResolvedBy, class};

/// The fields by which a ticket is found again. It is not opened without them.
const OWN: [&str; 2] = ["correlation_id", "sys_id"];

/// `failure` of a write of `sent`, with the field that is refused under its own name. A refusal
/// that names a field that was not sent is not about a value of ours.
pub(super) fn blamed(mut failure: Failure, sent: &Body) -> Failure {
    if let Some(index) = violated_index(&failure.message) {
        failure.field = body::indexed_field(sent, index);
        failure.refuses_value = failure.field.is_some();
    } else if failure.refuses_value {
        let named: Vec<String> = match &failure.field {
            Some(names) => names
                .split(',')
                .filter_map(|name| body::named_field(sent, name))
                .collect(),
            None => body::named_field(sent, &failure.message)
                .into_iter()
                .collect(),
        };
        failure.refuses_value = !named.is_empty() || failure.field.is_none();
        if !named.is_empty() {
            failure.field = Some(named.join(","));
        }
    }
    let mut fields = failure.field.iter().flat_map(|names| names.split(','));
    if failure.refuses_value && fields.any(|name| OWN.contains(&name)) {
        failure.refuses_value = false;
        failure.class = class(FailureScope::Configuration, ResolvedBy::PersonInCrm);
    }
    failure
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::failure::FailureKind;

    fn of(message: &str, field: Option<&str>) -> Failure {
        let sent =
            json!({"cmdb_ci": "1", "category": "x", "u_queue": "q", "correlation_id": "rd-1"});
        let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
        let mut failure = Failure::new(FailureKind::IntegrationFailure, class, message);
        failure.field = field.map(str::to_owned);
        failure.refuses_value = !message.contains("key");
        blamed(failure, sent.as_object().unwrap())
    }

    #[test]
    fn a_refused_value_is_named_by_the_column_that_was_sent() {
        for (message, named, field, refuses_value) in [
            (
                "invalid value",
                Some("Configuration item"),
                Some("cmdb_ci"),
                true,
            ),
            (
                "read only",
                Some("Category, Configuration item"),
                Some("category,cmdb_ci"),
                true,
            ),
            (
                "category is not a valid choice",
                None,
                Some("category"),
                true,
            ),
            ("not a valid choice", None, None, true),
            ("invalid value", Some("Location"), Some("Location"), false),
            (
                "for key 'incident.u_queue_unique'",
                None,
                Some("u_queue"),
                true,
            ),
            ("for key 'incident.u_site'", None, None, false),
        ] {
            let failure = of(message, named);
            assert_eq!(failure.field.as_deref(), field, "{message} {named:?}");
            assert_eq!(failure.refuses_value, refuses_value, "{message} {named:?}");
        }
    }

    #[test]
    fn our_key_is_never_left_out() {
        let failure = of("too long", Some("correlation_id"));
        assert!(!failure.refuses_value);
        assert_eq!(failure.class.scope, FailureScope::Configuration);
    }
}
