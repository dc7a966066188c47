//! Placeholders of senders' templates that were left unfilled.
//!
//! A data action's template writes `${input.entityId}` where the variable is null, an input
//! transformer `<queueId>`, and Architect `NOT_SET`. Taken for an id, one such text would make one
//! incident of all entities.

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

/// Texts that senders write where an event has no id of its own.
const NO_ID: &[&str] = &["0", "unknown"];

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

/// Beginnings and ends around a text that is nothing but a variable.
const WHOLE: &[(&str, &str)] = &[
    ("{", "}"),
    ("<", ">"),
    ("[", "]"),
    ("[[", "]]"),
    ("<<", ">>"),
    ("%", "%"),
    ("__", "__"),
    ("$input.", ""),
    ("$!input.", ""),
    ("$.", ""),
    ("$.detail.", ""),
    (":", ""),
    ("@", ""),
];

/// Whether `text` is, or contains, a placeholder.
pub(super) fn is_placeholder(text: &str) -> bool {
    if is_one_of(text, UNFILLED) {
        return true;
    }
    // The one look that ordinary texts need.
    let signs = ['$', '{', '<', '%', '['];
    if !text.contains(signs) && !text.starts_with([':', '@', '_']) {
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
        || is_plain_variable(text)
        || is_call(text)
}

/// Whether `text` is no id and no name.
pub(super) fn is_nothing(text: &str) -> bool {
    is_one_of(text, UNFILLED) || is_one_of(text, NOTHING)
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether `text` cannot be the id of one event. Taken for one, every later event that lacks its id too
/// would be a repetition of the first, and be lost.
pub(super) fn is_no_event_id(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || is_placeholder(text) || is_nothing(text) || is_one_of(text, NO_ID)
}

/// `$entityId`.
fn is_plain_variable(text: &str) -> bool {
    text.strip_prefix('$')
        .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()) && is_name(name))
}

/// `@triggerBody()?['id']`, an expression of Azure Logic Apps.
fn is_call(text: &str) -> bool {
    let call = text.strip_prefix('@').and_then(|rest| rest.split_once('('));
    call.is_some_and(|(name, rest)| is_name(name) && rest.contains(')'))
}

/// A name such as `queueId` or `input.entityId`; it begins with a letter.
fn is_name(text: &str) -> bool {
    let is_part = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '.' | '-' | '$');
    let is_number = !text.is_empty() && text.chars().all(|one| one.is_ascii_digit());
    (text.starts_with(|one: char| one.is_ascii_alphabetic() || one == '$') || is_number)
        && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_has_left_unfilled_is_a_placeholder() {
        for text in [
            "${input.entityId}",
            "$!{input.entityId}",
            "edge-${input.entityId}",
            "$input.entityId",
            "{queueId}",
            "{id}",
            "{0}",
            "{{queue.id}}",
            "{{ queue_id }}",
            "<queueId>",
            "%entityId%",
            "[entityId]",
            "$.entityId",
            "$.detail.entityId",
            "$(entityId)",
            "$entityId",
            "#{entityId}",
            "@{triggerBody()}",
            "@{triggerBody()?['id']}",
            "<%= entityId %>",
            "__entityId__",
            ":entityId",
            "@entityId",
            "@triggerBody()?['queueId']",
            "@{triggerOutputs()['body']}",
            "@items('Each')['id']",
            "%QUEUE_ID%",
            "$QUEUE",
            "__queue__",
            "[[queueId]]",
            "<<queueId>>",
            "#[payload.id]",
            "undefined",
            "NOT_SET",
            "N/A",
            "[object Object]",
            "-",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn words_for_no_value_are_no_names() {
        for text in ["null", "undefined", "None", "?", "N/A", "[object Object]"] {
            assert!(is_nothing(text), "{text}");
        }
        for text in ["Nonesuch", "nullable", "0", "not set up", "Sales N/A"] {
            assert!(!is_nothing(text), "{text}");
        }
    }

    #[test]
    fn ordinary_texts_are_none() {
        for text in [
            "v2.analytics.queues.{id}.observations",
            "{\"a\": 1}",
            "costs $5",
            "a < b",
            "{two words}",
            "{}",
            "Sales {EMEA} North",
            "<b>bold</b>",
            "[Sales EMEA]",
            "[EMEA] Sales",
            "100% sure",
            "5 % and 6 %",
            "::1",
            "_internal",
            "a@b.example",
            ":5060 is closed",
            "@home (Berlin)",
            "10000000-0000-0000-0000-000000000000",
            "none",
            "Sales - EMEA",
            "203.0.113.17:5061: No response",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
