//! What would come of a replay, as far as it can be told without asking the CRM. Pure.

use serde_json::Value;

use super::failure::Failure;
use super::ticket::{Operation, text_of};

/// A dead letter before its replay.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetterFacts<'a> {
    pub operation: Operation,
    /// Its last attempt may have had an effect.
    pub in_doubt: bool,
    /// A later operation of its ticket was sent.
    pub is_overtaken: bool,
    /// Its incident is closed and has no ticket.
    pub is_over: bool,
    pub failure: Option<&'a Failure>,
    /// What was refused.
    pub stored: &'a str,
    /// What would be sent, or why it cannot be rendered.
    pub rendered: Result<&'a str, &'a str>,
}

/// What would come of the replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Nothing that is known here stands in the way.
    pub fits: bool,
    pub why: String,
}

impl Forecast {
    fn fits(why: impl Into<String>) -> Self {
        Self {
            fits: true,
            why: why.into(),
        }
    }

    fn does_not(why: impl Into<String>) -> Self {
        Self {
            fits: false,
            why: why.into(),
        }
    }
}

/// What would come of the replay of `dead`.
pub fn forecast(dead: DeadLetterFacts<'_>) -> Forecast {
    if dead.in_doubt {
        return Forecast::fits(
            "its last attempt may have worked: the ticket is looked up first; if it is not there, it is sent",
        );
    }
    if dead.is_over && dead.operation == Operation::Create {
        return Forecast::does_not("its incident is over: the ticket would be opened for nothing");
    }
    if dead.is_overtaken {
        return Forecast::does_not(
            "a later operation of its ticket was sent already: it would change the ticket out of order",
        );
    }
    let rendered = match dead.rendered {
        Ok(rendered) => rendered,
        Err(problem) => {
            return Forecast::does_not(format!(
                "it cannot be rendered ({problem}): it would be sent as it was refused"
            ));
        }
    };
    let field = dead.failure.and_then(|failure| failure.field.as_deref());
    if let Some(field) = field
        && let Some((before, now)) = values_of(field, dead.stored, rendered)
    {
        return match before == now {
            true => Forecast::does_not(format!(
                "{field} is {now} again, which was refused: correct the value here, or let the CRM accept it"
            )),
            false => Forecast::fits(format!("{field} was {before} and is {now} now")),
        };
    }
    match same_content(dead.stored, rendered) {
        true => Forecast::does_not(
            "it says the same as what was refused: it fits only when something was corrected in the CRM",
        ),
        false => Forecast::fits("its content is different from what was refused"),
    }
}

/// The value of `field` in both payloads, as texts; `None` where neither has it.
fn values_of(field: &str, stored: &str, rendered: &str) -> Option<(String, String)> {
    let value = |payload: &str| {
        let payload: Value = serde_json::from_str(payload).ok()?;
        payload.get("fields")?.get(field).map(text_of)
    };
    let (before, now) = (value(stored), value(rendered));
    if before.is_none() && now.is_none() {
        return None;
    }
    let shown = |value: Option<String>| match value {
        Some(text) => format!("{:?}", text.chars().take(80).collect::<String>()),
        None => "not set".to_owned(),
    };
    Some((shown(before), shown(now)))
}

fn same_content(stored: &str, rendered: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    match (json(stored), json(rendered)) {
        (Some(before), Some(now)) => before == now,
        _ => stored == rendered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::{FailureKind, FailureScope, ResolvedBy, class};

    fn refused(field: Option<&str>) -> Failure {
        let nothing = class(FailureScope::Ticket, ResolvedBy::Nothing);
        Failure {
            field: field.map(str::to_owned),
            ..Failure::new(FailureKind::IntegrationFailure, nothing, "no such group")
        }
    }

    fn dead<'a>(failure: &'a Failure, rendered: Result<&'a str, &'a str>) -> DeadLetterFacts<'a> {
        DeadLetterFacts {
            operation: Operation::Create,
            in_doubt: false,
            is_overtaken: false,
            is_over: false,
            failure: Some(failure),
            stored: r#"{"fields":{"group":"Telefony","title":"x"}}"#,
            rendered,
        }
    }

    #[test]
    fn a_corrected_value_fits_and_the_refused_one_does_not() {
        let named = refused(Some("group"));
        let mended = r#"{"fields":{"group":"Telephony","title":"x"}}"#;
        let forecast_of = |rendered| forecast(dead(&named, Ok(rendered)));
        assert_eq!(
            forecast_of(mended),
            Forecast::fits(r#"group was "Telefony" and is "Telephony" now"#)
        );
        let same = r#"{"fields":{"title":"y","group":"Telefony"}}"#;
        assert!(!forecast_of(same).fits, "another field does not help");
        let left_out = forecast_of(r#"{"fields":{"title":"x"}}"#);
        assert_eq!(
            left_out,
            Forecast::fits(r#"group was "Telefony" and is not set now"#)
        );
    }

    #[test]
    fn without_a_named_field_the_whole_content_is_compared() {
        let unnamed = refused(None);
        let same = r#"{"fields": {"title":"x", "group":"Telefony"}}"#;
        assert!(!forecast(dead(&unnamed, Ok(same))).fits);
        assert!(forecast(dead(&unnamed, Ok("{}"))).fits);
        let cannot = forecast(dead(&unnamed, Err("create.title: missing value")));
        assert!(cannot.why.contains("create.title"), "{cannot:?}");
    }

    #[test]
    fn doubt_comes_first_and_what_is_over_does_not_fit() {
        let named = refused(Some("group"));
        let in_doubt = DeadLetterFacts {
            in_doubt: true,
            is_over: true,
            ..dead(&named, Err("gone"))
        };
        assert!(forecast(in_doubt).fits);
        for change in [
            |one: &mut DeadLetterFacts<'_>| one.is_over = true,
            |one: &mut DeadLetterFacts<'_>| one.is_overtaken = true,
        ] {
            let mut facts = dead(&named, Ok("{}"));
            change(&mut facts);
            assert!(!forecast(facts).fits);
        }
    }
}
