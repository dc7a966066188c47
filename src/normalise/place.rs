//! Places in a sender's own JSON: JSON pointers (RFC 6901) and JSONPath queries (RFC 9535), checked
//! when the configuration is read.
//!
//! A pointer counts the elements of a list, a query chooses them by what they say.

use std::fmt;
use std::str::FromStr;

use jsonpath_rfc9535::JsonPath;
use serde_json::Value;

use super::json_cursor::trimmed;
use super::pointer::{NotAPointer, Pointer};
use super::query_cost::too_much;
use crate::domain::signal::SchemaMismatch;

/// Most values that a query may select. A map asks for one.
const MAX_SELECTED: usize = 1_000;

/// Places to look, in order; the first where something is counts.
pub type Places = Vec<Place>;

/// A place inside an event, such as `/queue/name` or `$.metrics[?@.name == 'wait'].avg`.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    Pointer(Pointer),
    Query(Query),
}

/// A JSONPath query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    text: String,
    path: JsonPath,
}

/// A text that is no place in an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlace {
    #[error(transparent)]
    Pointer(#[from] NotAPointer),
    #[error("{text:?} is not a JSONPath query: {problem}")]
    Query { text: String, problem: String },
    #[error("{text:?} may take too long on a large event: {why}")]
    TooMuch { text: String, why: &'static str },
}

impl Place {
    /// The value in `event` at this place. Null, blank text and what a template has left unfilled
    /// are nothing. Several different values are refused: none of them is chosen by guessing.
    pub(super) fn find<'v>(&self, event: &'v Value) -> Result<Option<&'v Value>, SchemaMismatch> {
        match self {
            Self::Pointer(pointer) => Ok(pointer.find(event).filter(|value| is_there(value))),
            Self::Query(query) => query.find(event),
        }
    }

    /// The place as it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pointer(pointer) => pointer.as_str(),
            Self::Query(query) => &query.text,
        }
    }
}

impl Query {
    fn find<'v>(&self, event: &'v Value) -> Result<Option<&'v Value>, SchemaMismatch> {
        let selected = self.path.query_values(event);
        if selected.len() > MAX_SELECTED {
            let problem = format!(
                "selects {} values, more than {MAX_SELECTED}; choose one by what it says, as in \
                 $.metrics[?@.name == 'wait'].avg",
                selected.len()
            );
            return Err(SchemaMismatch::new(&self.text, problem));
        }
        let mut there = selected.into_iter().filter(|value| is_there(value));
        let Some(first) = there.next() else {
            return Ok(None);
        };
        let others = there.filter(|value| *value != first).count();
        if others > 0 {
            let problem = format!(
                "selects {} different values; choose one by what it says",
                others + 1
            );
            return Err(SchemaMismatch::new(&self.text, problem));
        }
        Ok(Some(first))
    }
}

fn is_there(value: &Value) -> bool {
    !value.is_null() && value.as_str().is_none_or(|text| trimmed(text).is_some())
}

/// A text, number or flag as text; blank text is nothing.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => trimmed(text).map(str::to_owned),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        if !text.starts_with('$') {
            return Ok(Self::Pointer(text.parse()?));
        }
        let path = JsonPath::parse(text).map_err(|error| NotAPlace::Query {
            text: text.to_owned(),
            problem: error.to_string(),
        })?;
        if let Some(why) = too_much(text) {
            let text = text.to_owned();
            return Err(NotAPlace::TooMuch { text, why });
        }
        Ok(Self::Query(Query {
            text: text.to_owned(),
            path,
        }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[test]
    fn a_query_chooses_an_element_by_what_it_says() {
        let event = json!({"metrics": [{"metric": "oAlerting", "count": 0},
            {"metric": "oWaiting", "count": 25}, {"metric": "tWait"}]});
        let waiting = place("$.metrics[?@.metric == 'oWaiting'].count");
        assert_eq!(waiting.find(&event), Ok(Some(&json!(25))));
        let nothing = place("$.metrics[?@.metric == 'oInteracting'].count");
        assert_eq!(nothing.find(&event), Ok(None));
    }

    #[test]
    fn a_query_that_selects_different_values_is_refused() {
        let event = json!({"a": [1, 2], "b": [1, 1, null], "c": vec![7; 5_000]});
        let problem = |text: &str| place(text).find(&event).unwrap_err().problem;
        assert!(problem("$.a[*]").contains("2 different values"));
        assert_eq!(place("$.b[*]").find(&event), Ok(Some(&json!(1))));
        assert!(problem("$.c[*]").contains("5000 values, more than 1000"));
    }

    #[test]
    fn a_faulty_query_is_refused_when_the_configuration_is_read() {
        let error = |text: &str| text.parse::<Place>().unwrap_err().to_string();
        assert!(error("$.a[?").contains("not a JSONPath query"));
        assert!(error("$..a..b").contains("one `..`"));
        assert!(error("$.a[?count($..*) > 1]").contains("take too long"));
        assert!("$.metrics[?@.name == $.name].avg".parse::<Place>().is_ok());
        assert!(error("a.b").contains("must begin with /"));
    }
}
