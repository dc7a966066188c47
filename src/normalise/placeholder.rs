//! Placeholders of senders' templates that were left unfilled.
//!
//! A data action's template writes `${input.entityId}` where the variable is null, and an input
//! transformer `<queueId>`. Taken for an id, one such text would make one incident of all entities.

/// Whether `text` is, or contains, a placeholder.
pub(super) fn is_placeholder(text: &str) -> bool {
    // The one look that ordinary texts need.
    if !text.contains(['$', '{', '<']) {
        return false;
    }
    let inside = |begin: &str, end: &str| {
        text.split_once(begin)
            .is_some_and(|(_, rest)| rest.contains(end))
    };
    let whole = |begin: &str, end: &str| {
        text.strip_prefix(begin)
            .and_then(|rest| rest.strip_suffix(end))
            .is_some_and(is_name)
    };
    inside("${", "}")
        || inside("$!{", "}")
        || inside("{{", "}}")
        || whole("{", "}")
        || whole("<", ">")
        || whole("$input.", "")
        || whole("$!input.", "")
}

/// A name such as `queueId` or `input.entityId`.
fn is_name(text: &str) -> bool {
    let is_part = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '.' | '-' | '$');
    !text.is_empty() && text.chars().all(is_part)
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
            "{{queue.id}}",
            "{{ queue_id }}",
            "<queueId>",
        ] {
            assert!(is_placeholder(text), "{text}");
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
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
