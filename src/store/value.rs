//! A value that is bound to a statement.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::{Arguments, Encode, Type};

use super::StoreError;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::time::Timestamp;

/// An absent value keeps its type, because PostgreSQL prepares a statement by the types of its
/// values.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Text(Option<Cow<'a, str>>),
    Number(Option<i64>),
    Bytes(Cow<'a, [u8]>),
}

/// `values` as the arguments of one of the two databases.
pub(super) fn arguments<A>(values: &[Value<'_>]) -> Result<A, StoreError>
where
    A: Arguments,
    for<'v> Option<&'v str>: Encode<'v, A::Database> + Type<A::Database>,
    for<'v> &'v [u8]: Encode<'v, A::Database> + Type<A::Database>,
    for<'v> Option<i64>: Encode<'v, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Text(text) => arguments.add(text.as_deref()),
            Value::Number(number) => arguments.add(*number),
            Value::Bytes(bytes) => arguments.add(bytes.as_ref()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_str())
    }
}

macro_rules! from_identity {
    ($name:ident) => {
        impl<'a> From<&'a $name> for Value<'a> {
            fn from(name: &'a $name) -> Self {
                Self::from(name.as_str())
            }
        }

        impl<'a> From<&'a Option<$name>> for Value<'a> {
            fn from(name: &'a Option<$name>) -> Self {
                Self::from(name.as_ref().map($name::as_str))
            }
        }
    };
}

from_identity!(IncidentId);
from_identity!(TargetName);

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::from(text.as_deref())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        i64::from(number).into()
    }
}

/// A number that is too large for a column becomes the largest one that fits.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        i64::try_from(number).unwrap_or(i64::MAX).into()
    }
}

/// As a number, which both databases have.
impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        i64::from(flag).into()
    }
}

/// In epoch milliseconds.
impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        at.as_millis().into()
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Number(at.map(Timestamp::as_millis))
    }
}

/// In milliseconds.
impl From<Duration> for Value<'_> {
    fn from(span: Duration) -> Self {
        i64::try_from(span.as_millis()).unwrap_or(i64::MAX).into()
    }
}
