//! Placeholders of senders' templates that were left unfilled.
//!
//! A data action's template writes `${input.entityId}` where the variable is null, an input
//! transformer `<queueId>`, and Architect `NOT_SET`. Taken for an id, one such text would make one
//! incident of all entities.

use super::identity::is_uuid;

/// Texts by which languages say that there is no value, in lower case. Nobody means something by them.
const UNFILLED: &[&str] = &[
    "undefined",
    "nan",
    "n/a",
    "#n/a",
    "not_set",
    "[object object]",
    "(null)",
    "<null>",
    "-",
    "--",
    "00000000-0000-0000-0000-000000000000",
];

/// Words that are no id and no name, in lower case. A status may be such a word.
const NOTHING: &[&str] = &["null", "none", "nil", "?"];

/// Words that senders write where a thing or an event has no id, in lower case. A name may be such a
/// word.
const NO_ID: &[&str] = &[
    "unknown",
    "tbd",
    "tba",
    "todo",
    "empty",
    "blank",
    "missing",
    "n.a.",
    "not set",
    "not available",
    "false",
    "true",
    "...",
    "…",
];

/// Beginnings and ends between which a template has a variable, wherever they stand in a text.
const ANYWHERE: &[(&str, &str)] = &[
    ("${", "}"),
    ("$!{", "}"),
    ("#{", "}"),
    ("@{", "}"),
    ("{{", "}}"),
    ("%{", "}"),
    ("<%", "%>"),
    ("$(", ")"),
    ("#[", "]"),
];

/// Beginnings and ends around a text that is nothing but a variable. Nobody writes a name like that.
const WHOLE: &[(&str, &str)] = &[
    ("{", "}"),
    ("[[", "]]"),
    ("<<", ">>"),
    ("$input.", ""),
    ("$!input.", ""),
    ("$.", ""),
    ("$.detail.", ""),
];

/// Signs with which a variable begins in some language, alone or together.
const OPENING: &[char] = &[
    '$', '{', '<', '[', '%', '@', ':', '#', '!', '(', '&', '"', '\'', ' ', '.', '＄', '｛',
];
/// Of these, the ones that are around a variable, and those that alone make one.
const BRACKETS: &[char] = &['{', '<', '[', '%', '｛'];
const ALONE: &[char] = &['$', '@', ':', '＄'];
/// Signs with which it ends.
const CLOSING: &[char] = &['}', '>', ']', '%', ')', ';', '"', '\'', ' ', '｝'];

/// Words of which names of variables consist: of one alone, or as their last one.
const LAST_WORDS: &[&str] = &[
    "id", "name", "key", "status", "state", "type", "value", "code", "number", "text", "uuid",
];
/// Words that are variables only where they are the whole of it.
const ONLY_WORDS: &[&str] = &[
    "queue",
    "trunk",
    "edge",
    "entity",
    "event",
    "flow",
    "division",
    "source",
    "timestamp",
    "var",
    "variable",
    "placeholder",
    "x",
];
/// Words with which paths of variables begin.
const FIRST_WORDS: &[&str] = &[
    "input", "inputs", "detail", "data", "event", "payload", "body", "vars", "context", "flow",
    "task", "call", "state", "trigger",
];

/// Whether `text` is, or contains, a placeholder, as far as it cannot be meant: a trunk may be called
/// `[VIP]`, but not `[trunkName]`.
pub(super) fn is_placeholder(text: &str) -> bool {
    if is_one_of(text, UNFILLED) {
        return true;
    }
    // The one look that ordinary texts need.
    let signs = ['$', '{', '<', '%', '['];
    if !text.contains(signs) && !text.starts_with(OPENING) && !text.starts_with("__") {
        return false;
    }
    let inside = |(begin, end): &(&str, &str)| {
        text.split_once(begin)
            .is_some_and(|(_, rest)| rest.contains(end))
    };
    let whole = |(begin, end): &(&str, &str)| {
        text.strip_prefix(begin)
            .and_then(|rest| rest.strip_suffix(end))
            .is_some_and(is_name)
    };
    ANYWHERE.iter().any(inside)
        || WHOLE.iter().any(whole)
        || variable_in(text).is_some_and(|name| {
            is_called_like_a_variable(name) || (text.starts_with('$') && name.contains('.'))
        })
        || is_call(text)
}

/// Whether `text` is nothing but a variable of some language, whatever that is called. Taken for the
/// name of a part, such as a media type, it would be one part for all of them.
pub(super) fn is_variable(text: &str) -> bool {
    is_placeholder(text) || variable_in(text).is_some()
}

/// Whether `text` is no id and no name.
pub(super) fn is_nothing(text: &str) -> bool {
    let bare = without_quotes(text);
    is_one_of(bare, UNFILLED) || is_one_of(bare, NOTHING)
}

fn without_quotes(text: &str) -> &str {
    text.trim_matches(['"', '\'', '`', '“', '”', ' '])
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether `text` cannot be the id of a thing. Taken for one, it would make one incident of all things.
/// An id is judged more strictly than a name: nobody chooses ids by their looks.
pub(super) fn is_no_id(text: &str) -> bool {
    let bare = without_quotes(text);
    bare.is_empty()
        || is_nothing(bare)
        || is_one_of(bare, NO_ID)
        || is_variable(text)
        || is_path_of_a_variable(bare)
}

/// Whether `text` cannot be the id of one event. Taken for one, every later event that lacks its id too
/// would be a repetition of the first, and be lost.
pub(super) fn is_no_event_id(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text == "0" || is_no_id(text)
}

/// The variable in `text` when there is nothing else, such as `queueId` in `{queueId}`, `<queueId>`,
/// `$queueId` and `{queueId`, which was never closed.
fn variable_in(text: &str) -> Option<&str> {
    if let Some(inner) = text
        .strip_prefix("__")
        .and_then(|one| one.strip_suffix("__"))
    {
        return Some(inner).filter(|inner| is_name(inner));
    }
    let rest = text.trim_start_matches(OPENING);
    let opening = &text[..text.len() - rest.len()];
    let is_entity = opening == "&" && rest.ends_with(';');
    let is_bracket = opening.contains(BRACKETS);
    // `::1` is an address.
    let is_alone = opening.chars().count() == 1 && opening.starts_with(ALONE);
    let inner = rest.trim_end_matches(CLOSING);
    let is_numbered = is_bracket && is_number(inner) && !opening.contains(':');
    let is_named = (is_bracket || is_alone || is_entity) && is_name(inner) && !is_number(inner);
    (is_numbered || is_named).then_some(inner)
}

/// Whether a variable is called `name`, and nothing in the world is.
fn is_called_like_a_variable(name: &str) -> bool {
    let is_plain = name.chars().any(|one| one.is_ascii_lowercase());
    let words = words_of(name);
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return is_number(name);
    };
    match words.len() {
        1 => {
            is_number(name)
                || (is_plain && is_one_of(name, LAST_WORDS))
                || ONLY_WORDS.contains(&name)
        }
        _ => is_one_of(last, LAST_WORDS) || (name.contains('.') && FIRST_WORDS.contains(first)),
    }
}

/// `Flow.queueId`, `queueId` and `queue_id`: the name of a variable instead of its value.
fn is_path_of_a_variable(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    let thing = ["Id", "ID", "_id", "Name", "_name"];
    let thing = thing.iter().find_map(|end| last.strip_suffix(end));
    let is_thing = |thing: &str| {
        let things = [
            "queue",
            "trunk",
            "edge",
            "entity",
            "flow",
            "event",
            "division",
            "conversation",
        ];
        things.contains(&thing)
    };
    thing.is_some_and(is_thing) && is_name(text)
}

/// The words of `queueId`, `queue_id`, `QUEUE_ID` and `queue.id`.
fn words_of(name: &str) -> Vec<&str> {
    let is_end = |one: char| !one.is_ascii_alphanumeric();
    let words = name.split(is_end).filter(|word| !word.is_empty());
    words.flat_map(humps).collect()
}

fn humps(word: &str) -> Vec<&str> {
    let bytes = word.as_bytes();
    let is_hump =
        |at: &usize| bytes[*at].is_ascii_uppercase() && bytes[at - 1].is_ascii_lowercase();
    let mut parts = Vec::new();
    let mut begin = 0;
    for at in (1..word.len()).filter(is_hump) {
        parts.push(&word[begin..at]);
        begin = at;
    }
    parts.push(&word[begin..]);
    parts
}

/// `@triggerBody()?['id']`, an expression of Azure Logic Apps.
fn is_call(text: &str) -> bool {
    let call = text.strip_prefix('@').and_then(|rest| rest.split_once('('));
    call.is_some_and(|(name, rest)| is_name(name) && rest.contains(')'))
}

/// A name such as `queueId` or `input.entityId`, or a number. A UUID is an id in any brackets.
fn is_name(text: &str) -> bool {
    let is_part = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '.' | '-' | '$');
    let begins = text.starts_with(|one: char| one.is_ascii_alphabetic() || one == '$');
    (begins && text.chars().all(is_part) && !is_uuid(text)) || is_number(text)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|one| one.is_ascii_digit())
}

#[cfg(test)]
#[path = "placeholder_tests.rs"]
mod tests;
