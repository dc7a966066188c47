//! JSON pointers (RFC 6901), checked when the configuration is read.
//!
//! Owns their syntax and how one is followed.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// A checked pointer to a value inside an event, such as `/queue/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    steps: Vec<String>,
}

/// A text that is not a pointer into an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPointer {
    /// It is empty, which would mean the event as a whole.
    #[error("an empty pointer means the whole event; write one such as /queue/name")]
    Whole,
    #[error(
        "{0:?} is not a pointer: it must begin with /, as in /queue/name; a JSONPath query begins with $"
    )]
    NoSlash(String),
    #[error("{0:?} is not a pointer: write ~0 for ~ and ~1 for / within a name")]
    BareTilde(String),
}

impl Pointer {
    /// The value in `event` that this points at; absent when there is none, or null.
    pub fn find<'v>(&self, event: &'v Value) -> Option<&'v Value> {
        self.steps
            .iter()
            .try_fold(event, |value, step| follow(value, step))
            .filter(|value| !value.is_null())
    }

    /// The pointer as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn follow<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(step),
        Value::Array(elements) => elements.get(array_index(step)?),
        _ => None,
    }
}

/// RFC 6901, section 4: digits without a leading zero.
fn array_index(step: &str) -> Option<usize> {
    let is_index = step == "0" || !step.starts_with(['0', '+']);
    is_index.then(|| step.parse().ok()).flatten()
}

impl FromStr for Pointer {
    type Err = NotAPointer;

    fn from_str(text: &str) -> Result<Self, NotAPointer> {
        if text.is_empty() {
            return Err(NotAPointer::Whole);
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(NotAPointer::NoSlash(text.to_owned()));
        };
        let has_bare_tilde = text
            .split('~')
            .skip(1)
            .any(|after| !after.starts_with(['0', '1']));
        if has_bare_tilde {
            return Err(NotAPointer::BareTilde(text.to_owned()));
        }
        let steps = rest
            .split('/')
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect();
        Ok(Self {
            text: text.to_owned(),
            steps,
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_examples_of_rfc_6901_lead_where_it_says() {
        let event = json!({"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8});

        for (pointer, value) in [
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/m~0n", json!(8)),
        ] {
            let pointer: Pointer = pointer.parse().unwrap();
            assert_eq!(pointer.find(&event), Some(&value), "{pointer}");
        }
        for nowhere in ["/foo/00", "/foo/+1", "/foo/-", "/foo/2", "/foo/0/x"] {
            assert_eq!(nowhere.parse::<Pointer>().unwrap().find(&event), None);
        }
    }

    #[test]
    fn a_faulty_pointer_is_refused_with_a_hint() {
        assert_eq!("".parse::<Pointer>(), Err(NotAPointer::Whole));
        let error = "queue.name".parse::<Pointer>().unwrap_err();
        assert!(error.to_string().contains("must begin with /"), "{error}");
        for bare in ["/a~", "/a~2b", "/~~1"] {
            assert_eq!(
                bare.parse::<Pointer>(),
                Err(NotAPointer::BareTilde(bare.to_owned()))
            );
        }
    }
}
