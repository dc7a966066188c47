//! JSON from outside: webhooks, callbacks, answers.
//!
//! The grammar and the limit of nesting are those of `serde_json`.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value in which every object is what it is.
///
/// `serde_json`'s own `Value` takes an object whose key is `$serde_json::private::RawValue` for a
/// text to be parsed in its place, with the nesting counted from 0 again. So 130 kB of text can be
/// nested 12,000 deep, which overflows the stack and ends the process. Here it is a key like any
/// other. The feature `raw_value`, which brings this, cannot be turned off: axum and sqlx ask for
/// it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlainJson(pub Value);

impl<'de> Deserialize<'de> for PlainJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (mut left, max) = (usize::MAX, usize::MAX);
        let visitor = PlainVisitor {
            left: &mut left,
            max,
        };
        visitor.deserialize(deserializer).map(Self)
    }
}

/// `text` as [`PlainJson`], unless it holds more than `max` values: array elements, members of
/// objects, and itself.
///
/// Short values need up to 100 times the memory of their text: `{"":0}` is 6 bytes, and more than
/// 600 in memory.
pub(crate) fn parse_within(text: &str, max: usize) -> Result<Value, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let mut left = max;
    let visitor = PlainVisitor {
        left: &mut left,
        max,
    };
    let value = visitor.deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

struct PlainVisitor<'a> {
    /// How many values may still come.
    left: &'a mut usize,
    max: usize,
}

impl PlainVisitor<'_> {
    fn inner(&mut self) -> PlainVisitor<'_> {
        PlainVisitor {
            left: self.left,
            max: self.max,
        }
    }
}

impl<'de> DeserializeSeed<'de> for PlainVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(D::Error::custom(format_args!(
                "more than {} values",
                self.max
            )));
        };
        *self.left = left;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PlainVisitor<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element_seed(self.inner())? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            members.insert(name, map.next_value_seed(self.inner())?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str::<PlainJson>(text).map(|PlainJson(value)| value)
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
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
            let expected: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(parse(&text).unwrap(), expected);
        }
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        let value = parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(value, serde_json::json!({"a": 3, "b": 2}));
    }

    #[test]
    fn a_private_name_of_the_parser_does_not_hide_nesting_without_end() {
        let key = "$serde_json::private::RawValue";
        let mut text = "1".to_owned();
        for _ in 0..200 {
            let inner = text.replace('\\', "\\u005c").replace('"', "\\u0022");
            let (open, close) = ("[".repeat(120), "]".repeat(120));
            text = format!("{open}{{\"{key}\":\"{inner}\"}}{close}");
        }
        let value = parse(&text).unwrap();
        let innermost = (0..120).fold(&value, |value, _| &value[0]);
        assert!(innermost[key].is_string());
    }

    #[test]
    fn a_text_of_more_values_than_the_limit_is_refused() {
        let text = r#"{"a":[1,{"b":2}],"c":[]}"#;
        assert_eq!(parse_within(text, 6).unwrap(), parse(text).unwrap());
        let error = parse_within(text, 5).unwrap_err();
        assert!(
            error.to_string().starts_with("more than 5 values"),
            "{error}"
        );
        assert!(parse_within("1 2", 5).is_err());
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
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
