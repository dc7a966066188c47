//! A kind of value: how it is read, and how it is described. `kinds` has one function for each.

use serde_json::{Value, json};

use super::declared::Shape;
use crate::settings::problem::Mark;
use crate::settings::read::{Entry, Fault};
use crate::settings::value::ValueKind;

/// Reads an entry. `Err(None)`: the problems are noted already.
type Parse<T> = Box<dyn Fn(&Entry<'_>) -> Result<T, Option<Fault>>>;

/// A kind of value.
pub(crate) struct Kind<T> {
    parse: Parse<T>,
    pub(super) type_name: String,
    pub(super) shape: Shape,
    /// Whether the entry itself is shown as the value in effect.
    is_shown: bool,
}

impl<T: 'static> Kind<T> {
    /// A single value. `schema` is its JSON Schema.
    pub(crate) fn value(
        type_name: impl Into<String>,
        schema: Value,
        parse: impl Fn(&Entry<'_>) -> Result<T, Fault> + 'static,
    ) -> Self {
        Self {
            parse: Box::new(move |entry| parse(entry).map_err(Some)),
            type_name: type_name.into(),
            shape: Shape::Value(schema),
            is_shown: true,
        }
    }

    /// A value of several parts. `read` notes the problems and the values in effect.
    pub(crate) fn composite(
        type_name: impl Into<String>,
        shape: Shape,
        read: impl Fn(&Entry<'_>) -> Option<T> + 'static,
    ) -> Self {
        Self {
            parse: Box::new(move |entry| read(entry).ok_or(None)),
            type_name: type_name.into(),
            shape,
            is_shown: false,
        }
    }

    /// The same kind under another name in the reference.
    pub(crate) fn called(self, type_name: impl Into<String>) -> Self {
        Self {
            type_name: type_name.into(),
            ..self
        }
    }

    /// The same value in another form.
    pub(crate) fn map<U>(self, convert: impl Fn(T) -> U + 'static) -> Kind<U> {
        let parse = self.parse;
        Kind {
            parse: Box::new(move |entry| parse(entry).map(&convert)),
            type_name: self.type_name,
            shape: self.shape,
            is_shown: self.is_shown,
        }
    }

    /// Refuses more values.
    pub(crate) fn check(
        self,
        check: impl Fn(&Entry<'_>, &T) -> Result<(), Fault> + 'static,
    ) -> Self {
        let parse = self.parse;
        Self {
            parse: Box::new(move |entry| {
                let value = parse(entry)?;
                check(entry, &value)?;
                Ok(value)
            }),
            ..self
        }
    }

    /// Warns of a value for the reason that `reason` gives.
    pub(crate) fn warn(self, reason: impl Fn(&T) -> Option<&'static str> + 'static) -> Self {
        self.check(move |entry, value| {
            if let Some(reason) = reason(value) {
                entry.warn(reason);
            }
            Ok(())
        })
    }

    /// Reads `entry`, and notes the value in effect or the problem.
    pub(crate) fn read(&self, entry: &Entry<'_>) -> Option<T> {
        match (self.parse)(entry) {
            Ok(value) => {
                if self.is_shown {
                    entry.in_effect();
                }
                Some(value)
            }
            Err(fault) => {
                if let Some(fault) = fault {
                    entry.fault(fault);
                }
                None
            }
        }
    }

    /// The value of `entry`, if it is right. Notes nothing.
    pub(crate) fn peek(&self, entry: &Entry<'_>) -> Option<T> {
        (self.parse)(entry).ok()
    }

    pub(crate) fn type_name(&self) -> &str {
        &self.type_name
    }

    pub(crate) const fn shape(&self) -> &Shape {
        &self.shape
    }

    fn json_schema(&self) -> Value {
        match &self.shape {
            Shape::Value(schema) => schema.clone(),
            _ => json!({}),
        }
    }
}

/// A list of single values, called `type_name`. Stops at the first wrong one.
pub(crate) fn list<T: 'static>(type_name: &str, item: Kind<T>) -> Kind<Vec<T>> {
    let schema = json!({ "type": "array", "items": item.json_schema() });
    let parse = item.parse;
    let kind = Kind {
        parse: Box::new(move |entry: &Entry<'_>| {
            let items = entry.list()?;
            let numbered = items.iter().enumerate();
            numbered
                .map(|(index, item)| parse(item).map_err(|fault| numbered_fault(index, fault)))
                .collect()
        }),
        type_name: String::new(),
        shape: Shape::Value(schema),
        is_shown: true,
    };
    kind.called(format!("list of {type_name}"))
}

/// As [`list`], with at least one entry.
pub(crate) fn some<T: 'static>(type_name: &str, item: Kind<T>) -> Kind<Vec<T>> {
    let mut kind = list(type_name, item).check(|_, items| {
        if items.is_empty() {
            return Err("must have at least one entry".into());
        }
        Ok(())
    });
    if let Shape::Value(schema) = &mut kind.shape {
        schema["minItems"] = json!(1);
    }
    kind
}

/// One value, or a list of them.
pub(crate) fn one_or_some<T: 'static>(
    type_name: &str,
    one: Kind<T>,
    some: Kind<Vec<T>>,
) -> Kind<Vec<T>> {
    let schema = json!({ "anyOf": [one.json_schema(), some.json_schema()] });
    let (one, some) = (one.parse, some.parse);
    Kind {
        parse: Box::new(move |entry: &Entry<'_>| match &entry.value.kind {
            ValueKind::Array(_) => some(entry),
            _ => Ok(vec![one(entry)?]),
        }),
        type_name: type_name.to_owned(),
        shape: Shape::Value(schema),
        is_shown: true,
    }
}

fn numbered_fault(index: usize, fault: Option<Fault>) -> Option<Fault> {
    fault.map(|fault| Fault {
        reason: format!("entry {}: {}", index + 1, fault.reason),
        mark: Mark::Entry(index),
        ..fault
    })
}
