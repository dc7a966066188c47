//! A JSON value with its position in the event, so that every mismatch can name the position.
//!
//! Owns the checks of JSON types. A missing, null or blank value reads as absent; a value of
//! another type is a mismatch. The pointer is built only for a mismatch: reading a well-formed
//! event allocates nothing here.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::placeholder::{is_no_id, is_nothing, is_placeholder, is_variable};
use crate::domain::signal::SchemaMismatch;

/// The value that was read, or the mismatch.
pub(super) type Read<T> = Result<T, SchemaMismatch>;

static NOTHING: Value = Value::Null;

/// How many keys a mismatch lists.
const KEYS_SHOWN: usize = 12;

/// How many characters of a text a mismatch shows.
const TEXT_SHOWN: usize = 40;

/// How many characters of a name, such as a topic's.
const NAME_SHOWN: usize = 200;

/// A value and the way to it. `'v` is the event, `'p` the places above.
#[derive(Clone, Copy)]
pub(super) struct JsonCursor<'v, 'p> {
    value: &'v Value,
    above: Option<&'p JsonCursor<'v, 'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Name(&'p str),
    Index(usize),
    /// A pointer from the value above.
    Place(&'p str),
}

impl<'v, 'p> JsonCursor<'v, 'p> {
    /// The whole event.
    pub(super) fn root(value: &'v Value) -> Self {
        Self {
            value,
            above: None,
            step: Step::Root,
        }
    }

    /// The member `name`; absent when there is none.
    pub(super) fn name<'q>(&'q self, name: &'q str) -> JsonCursor<'v, 'q> {
        JsonCursor {
            value: self.value.get(name).unwrap_or(&NOTHING),
            above: Some(self),
            step: Step::Name(name),
        }
    }

    /// The element at `index`; absent when there is none.
    pub(super) fn index(&self, index: usize) -> JsonCursor<'v, '_> {
        JsonCursor {
            value: self.value.get(index).unwrap_or(&NOTHING),
            above: Some(self),
            step: Step::Index(index),
        }
    }

    /// `value`, which was found at the pointer `place` below this one, and may have been text
    /// there.
    pub(super) fn inside<'q>(&'q self, place: &'q str, value: &'q Value) -> JsonCursor<'q, 'q> {
        JsonCursor {
            value,
            above: Some(self),
            step: Step::Place(place),
        }
    }

    pub(super) fn value(&self) -> &'v Value {
        self.value
    }

    /// Whether there is nothing, or null.
    pub(super) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    /// Whether the member `name` is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value.get(name).is_some_and(|value| !value.is_null())
    }

    /// Text without surrounding blanks and control characters; absent when nothing is left.
    pub(super) fn text(&self) -> Read<Option<&'v str>> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(trimmed(text)),
            _ => Err(self.expected("text")),
        }
    }

    /// Text that must be there.
    pub(super) fn required_text(&self) -> Read<&'v str> {
        self.text()?.ok_or_else(|| self.expected("text"))
    }

    /// An identifier: text, or a number taken as text.
    pub(super) fn id(&self) -> Read<Option<Cow<'v, str>>> {
        let is_id = |text: &Cow<'_, str>| self.value.is_number() || !is_no_id(text);
        Ok(self.code()?.filter(is_id))
    }

    /// A name or a code: text, or a number taken as text.
    pub(super) fn code(&self) -> Read<Option<Cow<'v, str>>> {
        match self.value {
            Value::Number(number) => Ok(Some(Cow::Owned(number.to_string()))),
            Value::Null | Value::String(_) => {
                let code = self.text()?.filter(|text| !is_nothing(text));
                Ok(code.map(Cow::Borrowed))
            }
            _ => Err(self.expected("text or a number")),
        }
    }

    /// Text that is absent only where the member is: what is blank or was left unfilled means a
    /// part that the sender does not name.
    pub(super) fn part(&self) -> Read<Option<&'v str>> {
        match self.text()?.filter(|text| !is_variable(text)) {
            None if !self.is_absent() => Err(self.expected("text")),
            text => Ok(text),
        }
    }

    /// Text, a number or a truth value, as text.
    pub(super) fn scalar(&self) -> Read<Option<Cow<'v, str>>> {
        match self.value {
            Value::Bool(flag) => Ok(Some(Cow::Borrowed(if *flag { "true" } else { "false" }))),
            Value::Array(_) | Value::Object(_) => Err(self.expected("text, a number or a flag")),
            Value::Number(number) => Ok(Some(Cow::Owned(number.to_string()))),
            _ => Ok(self.text()?.map(Cow::Borrowed)),
        }
    }

    /// A finite number. Text is never taken for one: a sender that begins to quote its
    /// numbers has changed its format, and a person should know.
    pub(super) fn number(&self) -> Read<Option<f64>> {
        match self.value {
            Value::Null => Ok(None),
            value => value
                .as_f64()
                .filter(|number| number.is_finite())
                .map(Some)
                .ok_or_else(|| self.expected("a number")),
        }
    }

    /// A truth value.
    pub(super) fn flag(&self) -> Read<Option<bool>> {
        match self.value {
            Value::Null => Ok(None),
            Value::Bool(flag) => Ok(Some(*flag)),
            _ => Err(self.expected("true or false")),
        }
    }

    /// An array; absent counts as empty.
    pub(super) fn elements(&self) -> Read<&'v [Value]> {
        match self.value {
            Value::Null => Ok(&[]),
            Value::Array(elements) => Ok(elements),
            _ => Err(self.expected("an array")),
        }
    }

    /// An array that must be there and hold something.
    pub(super) fn filled(&self) -> Read<&'v [Value]> {
        let elements = self.elements()?;
        if elements.is_empty() {
            return Err(self.expected("an array with at least one element"));
        }
        Ok(elements)
    }

    /// An object that must be there.
    pub(super) fn object(&self) -> Read<&'v Map<String, Value>> {
        self.value
            .as_object()
            .ok_or_else(|| self.expected("an object"))
    }

    /// An object, or nothing at all.
    pub(super) fn optional_object(&self) -> Read<()> {
        if self.is_absent() {
            return Ok(());
        }
        self.object().map(drop)
    }

    /// A complaint about this place.
    pub(super) fn mismatch(&self, problem: impl Into<String>) -> SchemaMismatch {
        SchemaMismatch::new(self.pointer(), problem)
    }

    /// The complaint that something else was expected here.
    pub(super) fn expected(&self, what: &str) -> SchemaMismatch {
        self.mismatch(format!("expected {what}, found {}", self.description()))
    }

    /// A description of the value. It quotes only keys and short scalars of the event.
    fn description(&self) -> String {
        match self.value {
            Value::Null => match self.above.map(|above| above.value) {
                Some(Value::Object(members)) => format!("nothing; {}", keys(members)),
                _ => "nothing".to_owned(),
            },
            Value::Bool(flag) => format!("{flag}"),
            Value::Number(number) => format!("the number {number}"),
            Value::String(text) if bare(text).is_empty() => "blank text".to_owned(),
            Value::String(text) if is_variable(bare(text)) || is_nothing(bare(text)) => {
                let text: String = text.chars().take(80).collect();
                format!("the placeholder {text:?}, which the sender has not filled")
            }
            Value::String(text) => format!("the text {:?}", shortened(text)),
            Value::Array(elements) if elements.is_empty() => "an empty array".to_owned(),
            Value::Array(_) => "an array".to_owned(),
            Value::Object(members) => format!("an object; {}", keys(members)),
        }
    }

    /// The RFC 6901 pointer to this place.
    pub(super) fn pointer(&self) -> String {
        let mut text = self.above.map(JsonCursor::pointer).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Name(name) => {
                text.push('/');
                text.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => text.push_str(&format!("/{index}")),
            Step::Place(place) => text.push_str(place),
        }
        text
    }
}

/// `text` without blanks and control characters around it, if anything is left. A placeholder that
/// the sender has left unfilled is no value.
pub(super) fn trimmed(text: &str) -> Option<&str> {
    Some(bare(text)).filter(|text| !text.is_empty() && !is_placeholder(text))
}

fn bare(text: &str) -> &str {
    let is_blank = |one: char| one.is_whitespace() || one.is_control() || has_no_width(one);
    text.trim_matches(is_blank)
}

/// Marks that nobody sees; alone they are no text.
const fn has_no_width(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{3164}' | '\u{feff}'
    )
}

/// `text`, for a complaint. A name is whole: what tells it from others often stands at its end.
fn shortened(text: &str) -> String {
    let is_name = !text.contains(char::is_whitespace);
    let limit = if is_name { NAME_SHOWN } else { TEXT_SHOWN };
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The keys of an object, for a complaint.
pub(super) fn keys(members: &Map<String, Value>) -> String {
    if members.is_empty() {
        return "there are no keys".to_owned();
    }
    let shown: Vec<_> = members
        .keys()
        .take(KEYS_SHOWN)
        .map(|key| key.chars().take(40).collect::<String>())
        .collect();
    let more = if members.len() > KEYS_SHOWN {
        ", …"
    } else {
        ""
    };
    format!("the keys there are {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_complaint_names_its_place_and_the_keys_found_there() {
        let event = json!({"a/b": [{"name": "oWaiting", "statistics": {}}]});

        let root = JsonCursor::root(&event);
        let list = root.name("a/b");
        let entry = list.index(0);
        let mismatch = entry.name("metric").required_text().unwrap_err();
        assert_eq!(mismatch.path, "/a~1b/0/metric");
        assert_eq!(
            mismatch.problem,
            "expected text, found nothing; the keys there are name, statistics"
        );
    }

    #[test]
    fn a_name_is_shown_whole_and_prose_is_cut() {
        let topic = format!("v2.users.{}.routingStatus", "0b4c-".repeat(20));
        let event = json!([
            topic,
            "a sentence that goes on for more than forty characters"
        ]);
        let problem = |index| {
            JsonCursor::root(&event)
                .index(index)
                .expected("a number")
                .problem
        };
        assert!(
            problem(0).ends_with(&format!("{topic:?}")),
            "{}",
            problem(0)
        );
        assert!(problem(1).ends_with("than fo…\""), "{}", problem(1));
    }

    #[test]
    fn null_blank_and_missing_are_all_absent() {
        let event = json!({"null": null, "blank": "  ", "control": "\u{0} \n", "wide": "\u{200b}"});

        let root = JsonCursor::root(&event);
        for name in ["null", "blank", "control", "wide", "missing"] {
            assert_eq!(root.name(name).text(), Ok(None), "{name}");
        }
    }

    #[test]
    fn text_is_never_taken_for_a_number() {
        let event = json!("17");
        let mismatch = JsonCursor::root(&event).number().unwrap_err();
        assert_eq!(mismatch.problem, "expected a number, found the text \"17\"");
    }
}
