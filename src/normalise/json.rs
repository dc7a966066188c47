//! JSON as it is read here: a text stays where the sender put it unless it has to be unescaped,
//! and an object is a sorted list.
//!
//! Every webhook is read once and forgotten; a tree with a copy of each key and text in maps
//! costs more than all that is done with it. Owns the type and how it is parsed. What counts
//! as JSON, and how deep it may be nested, is `serde_json`'s.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// A value that borrows from the text it was parsed from.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(Cow<'t, str>),
    /// An array.
    Array(Vec<Value<'t>>),
    /// An object.
    Object(Members<'t>),
}

/// The members of an object, sorted by name. Of two with one name the last counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members<'t>(Vec<(Cow<'t, str>, Value<'t>)>);

/// Where a member is looked for one by one; in a longer list halving it is quicker.
const SHORT: usize = 8;

impl<'t> Members<'t> {
    fn new(mut members: Vec<(Cow<'t, str>, Value<'t>)>) -> Self {
        let is_sorted = members.is_sorted_by(|(one, _), (next, _)| one < next);
        if !is_sorted {
            // Stable: members of one name stay in their order.
            members.sort_by(|(one, _), (next, _)| one.cmp(next));
            members.dedup_by(|next, one| {
                let is_repeated = next.0 == one.0;
                if is_repeated {
                    std::mem::swap(next, one);
                }
                is_repeated
            });
        }
        Self(members)
    }

    /// The member `name`.
    pub fn get(&self, name: &str) -> Option<&Value<'t>> {
        let members = &self.0;
        if members.len() <= SHORT {
            let found = members.iter().find(|(key, _)| key == name);
            return found.map(|(_, value)| value);
        }
        let place = members.binary_search_by(|(key, _)| key.as_ref().cmp(name));
        place.ok().and_then(|place| Some(&members.get(place)?.1))
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'t>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// The names, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a value is asked for: a member by its name, an element by its index.
pub trait Step {
    /// What of `value` this names.
    fn of<'v, 't>(self, value: &'v Value<'t>) -> Option<&'v Value<'t>>;
}

impl Step for &str {
    fn of<'v, 't>(self, value: &'v Value<'t>) -> Option<&'v Value<'t>> {
        value.as_object()?.get(self)
    }
}

impl Step for usize {
    fn of<'v, 't>(self, value: &'v Value<'t>) -> Option<&'v Value<'t>> {
        match value {
            Value::Array(elements) => elements.get(self),
            _ => None,
        }
    }
}

impl<'t> Value<'t> {
    /// The value of `text`, which must be all of it.
    ///
    /// # Errors
    ///
    /// What `serde_json` found wrong, and where.
    pub fn parse(text: &'t str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The member or element that `step` names.
    pub fn get(&self, step: impl Step) -> Option<&Self> {
        step.of(self)
    }

    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, when it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The truth value, when it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The members, when it is an object.
    pub fn as_object(&self) -> Option<&Members<'t>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.as_object().is_some()
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

impl<'t> From<&'t serde_json::Value> for Value<'t> {
    fn from(value: &'t serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => Self::Number(number.clone()),
            serde_json::Value::String(text) => Self::String(text.as_str().into()),
            serde_json::Value::Array(elements) => {
                Self::Array(elements.iter().map(Self::from).collect())
            }
            serde_json::Value::Object(members) => {
                let members = members.iter();
                let members = members.map(|(key, value)| (key.as_str().into(), value.into()));
                Self::Object(Members::new(members.collect()))
            }
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

/// A scalar as JSON; of an array or object only that it is one.
impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(flag) => write!(formatter, "{flag}"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::String(text) => {
                let text = serde_json::to_string(text).map_err(|_| fmt::Error)?;
                formatter.write_str(&text)
            }
            Self::Array(_) => formatter.write_str("[…]"),
            Self::Object(_) => formatter.write_str("{…}"),
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut members = Vec::with_capacity(4);
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(Value::Object(Members::new(members)))
    }
}

/// A member's name.
struct Name<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AnyName)
    }
}

struct AnyName;

impl<'de> Visitor<'de> for AnyName {
    type Value = Name<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,6}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 12, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec(("[a-e\"é]{0,2}", inner), 0..12)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_text_reads_as_serde_json_reads_it(value in any_json()) {
            let text = value.to_string();
            let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Value::parse(&text).unwrap(), Value::from(&expected));
        }

        #[test]
        fn every_member_is_found_however_many_there_are(names in prop::collection::vec("[a-f]{1,2}", 0..40)) {
            let members: Vec<String> = names
                .iter()
                .enumerate()
                .map(|(place, name)| format!("\"{name}\":{place}"))
                .collect();
            let text = format!("{{{}}}", members.join(","));
            let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
            let read = Value::parse(&text).unwrap();
            for name in &names {
                prop_assert_eq!(
                    read.get(name.as_str()).and_then(Value::as_f64),
                    expected[name].as_f64()
                );
            }
            prop_assert_eq!(read.as_object().unwrap().len(), expected.as_object().unwrap().len());
        }
    }

    #[test]
    fn what_serde_json_refuses_is_refused() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in [
            "{\"a\":1",
            "[1,]",
            "1e400",
            "\"\\ud800\"",
            "nul",
            &deep,
            "1 2",
        ] {
            let refused = serde_json::from_str::<serde_json::Value>(text).is_err();
            assert_eq!(Value::parse(text).is_err(), refused, "{text}");
        }
    }
}
