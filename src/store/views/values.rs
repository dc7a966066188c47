//! Single values as the views show them: ids and times as text, stored JSON as JSON.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::failure::Failure;
use crate::domain::time::Timestamp;
use crate::json::PlainJson;
use crate::store::row::Column;

/// A row's number, shown as text: clients treat every id as opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId(pub i64);

impl Serialize for RowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A time, shown as RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DisplayTime(i64);

impl DisplayTime {
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millis(self.0)
    }
}

impl From<Timestamp> for DisplayTime {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millis())
    }
}

impl Serialize for DisplayTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.timestamp().in_milliseconds())
    }
}

/// A text that is normally JSON, such as an event's body: shown as that JSON, number for
/// number as it came, and as a plain text when it is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document(pub String);

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Parsing bounds the nesting as well, which a raw value alone does not.
        let is_json = serde_json::from_str::<PlainJson>(&self.0).is_ok();
        match RawValue::from_string(self.0.clone()) {
            Ok(raw) if is_json => raw.serialize(serializer),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

/// A delivery's last failure, as it is kept with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFailure(String);

#[derive(Serialize, ToSchema)]
pub(super) struct ShownFailure<'a> {
    kind: Option<&'static str>,
    status: Option<u16>,
    error_code: Option<&'a str>,
    message: &'a str,
    field: Option<&'a str>,
}

impl StoredFailure {
    /// The failure; `None` when the row is damaged.
    pub fn failure(&self) -> Option<Failure> {
        serde_json::from_str(&self.0).ok()
    }

    /// Its words.
    pub fn message(&self) -> String {
        self.failure()
            .map_or_else(|| self.0.clone(), |failure| failure.message)
    }
}

impl From<&Failure> for StoredFailure {
    fn from(failure: &Failure) -> Self {
        // Plain values always serialise.
        Self(serde_json::to_string(failure).unwrap_or_default())
    }
}

impl Serialize for StoredFailure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let failure = self.failure();
        let failure = failure.as_ref();
        ShownFailure {
            kind: failure.map(|failure| failure.kind.as_str()),
            status: failure.and_then(|failure| failure.status),
            error_code: failure.and_then(|failure| failure.code.as_deref()),
            message: failure.map_or(&self.0, |failure| &failure.message),
            field: failure.and_then(|failure| failure.field.as_deref()),
        }
        .serialize(serializer)
    }
}

impl Column for RowId {
    type Stored = i64;

    fn from_stored(number: i64) -> Self {
        Self(number)
    }
}

impl Column for DisplayTime {
    type Stored = i64;

    fn from_stored(millis: i64) -> Self {
        Self(millis)
    }
}

impl Column for Document {
    type Stored = String;

    fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl Column for StoredFailure {
    type Stored = String;

    fn from_stored(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_shown_as_the_json_it_is_or_as_text() {
        let exact = Document(r#"{"n":1.50,"big":12345678901234567890123}"#.into());
        assert_eq!(serde_json::to_string(&exact).unwrap(), exact.0);
        let broken = Document("{\"n\":".into());
        assert_eq!(serde_json::to_string(&broken).unwrap(), r#""{\"n\":""#);
    }

    #[test]
    fn a_damaged_failure_is_shown_as_it_is() {
        let shown = serde_json::to_value(StoredFailure("oops".into())).unwrap();
        assert_eq!(shown["message"], "oops");
        assert_eq!(shown["kind"], serde_json::Value::Null);
    }
}
