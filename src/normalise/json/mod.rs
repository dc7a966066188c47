//! JSON as it is read here: a text stays where the sender put it unless it has to be unescaped,
//! an object is a list, and all lists of a value lie in one room.
//!
//! Every webhook is read once and forgotten; a tree with a copy of each key and text in maps
//! costs more than all that is done with it. Owns the type and how it is parsed. What counts
//! as JSON, and how deep it may be nested, is `serde_json`'s.

mod read;
mod room;

use std::fmt;

use serde::de::DeserializeSeed;
use serde_json::Number;

pub use room::Room;

use read::Reading;
use room::List;

/// A value that borrows from the text it was parsed from, and from its room.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(&'t str),
    /// An array.
    Array(&'t [Value<'t>]),
    /// An object.
    Object(Members<'t>),
}

/// The members of an object. Of two with one name the last counts. Few stand as they came; more
/// than eight are sorted by name.
#[derive(Debug, Clone, Default)]
pub struct Members<'t>(&'t [Member<'t>]);

impl PartialEq for Members<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && (self.0.iter()).all(|(name, value)| other.get(name) == Some(value))
    }
}

type Member<'t> = (&'t str, Value<'t>);

/// Where a member is looked for one by one; in a longer list halving it is quicker.
const SHORT: usize = 8;

impl<'t> Members<'t> {
    fn new(mut members: List<Member<'t>>, room: &'t Room) -> Self {
        if members.len() > SHORT {
            // Stable: members of one name stay in their order.
            members.sort_by_key(|(name, _)| *name);
            members.dedup_by(|next, one| {
                let is_repeated = next.0 == one.0;
                if is_repeated {
                    std::mem::swap(next, one);
                }
                is_repeated
            });
        } else {
            let mut place = 0;
            while let Some((name, _)) = members.get(place) {
                if members[place + 1..].iter().any(|(later, _)| later == name) {
                    members.remove(place);
                } else {
                    place += 1;
                }
            }
        }
        Self(room.list(members))
    }

    /// The member `name`.
    pub fn get(&self, name: &str) -> Option<&Value<'t>> {
        let members = self.0;
        if members.len() <= SHORT {
            let found = members.iter().find(|(key, _)| *key == name);
            return found.map(|(_, value)| value);
        }
        let place = members.binary_search_by_key(&name, |(key, _)| key);
        place.ok().and_then(|place| Some(&members.get(place)?.1))
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'t str, &'t Value<'t>)> + use<'t> {
        let mut members: List<&'t Member<'t>> = self.0.iter().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        members.into_iter().map(|(name, value)| (*name, value))
    }

    /// The names, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.iter().map(|(name, _)| name)
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
    pub fn parse(text: &'t str, room: &'t Room) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Reading(room).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }

    /// The same as `value`.
    pub fn of(value: &'t serde_json::Value, room: &'t Room) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => Self::Number(number.clone()),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(elements) => {
                let elements = elements.iter().map(|element| Self::of(element, room));
                Self::Array(room.list(elements.collect()))
            }
            serde_json::Value::Object(members) => {
                let members = members.iter();
                let members = members.map(|(key, value)| (key.as_str(), Self::of(value, room)));
                Self::Object(Members::new(members.collect(), room))
            }
        }
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

#[cfg(test)]
impl From<&serde_json::Value> for Value<'static> {
    /// Kept until the test process ends.
    fn from(value: &serde_json::Value) -> Self {
        Self::of(
            Box::leak(Box::new(value.clone())),
            Box::leak(Box::default()),
        )
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::room::MOST_KEPT;
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
            let room = Room::default();
            prop_assert_eq!(Value::parse(&text, &room).unwrap(), Value::of(&expected, &room));
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
            let room = Room::default();
            let read = Value::parse(&text, &room).unwrap();
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
    fn a_room_within_a_room_leaves_the_outer_one_as_it_is() {
        let long = format!("[\"{}\"]", "\\u0041".repeat(MOST_KEPT));
        for _ in 0..2 {
            Room::with(|outer| {
                let kept = Value::parse("{\"a\":[\"\\u0042\"]}", outer).unwrap();
                let length = Room::with(|inner| {
                    let value = Value::parse(&long, inner).unwrap();
                    value.get(0).and_then(Value::as_str).map(str::len)
                });
                assert_eq!(length, Some(MOST_KEPT));
                assert_eq!(kept.get("a").unwrap().get(0).unwrap().as_str(), Some("B"));
            });
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
            assert_eq!(
                Value::parse(text, &Room::default()).is_err(),
                refused,
                "{text}"
            );
        }
    }
}
