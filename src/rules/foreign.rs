//! Placeholders of other template languages in the plain text of a template: they would be sent as
//! they are. Pure.

use std::ops::Range;

use super::tags::plain_parts;
use super::template::TEMPLATE_NAMES;
use crate::domain::signal::{COMMON_NAMES, FIELD_NAMES};

/// Longest placeholder that is looked for, in bytes.
const LONGEST: usize = 80;

/// A placeholder that the template language does not fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// With its brackets.
    pub span: Range<usize>,
    /// What stands in it.
    pub name: String,
    /// The value that is meant, where there is one.
    pub meant: Option<&'static str>,
}

/// How another language writes a value.
struct Form {
    begin: &'static str,
    end: &'static str,
    accepts: Accepts,
}

/// When a form is taken for a placeholder.
#[derive(Clone, Copy)]
enum Accepts {
    /// Whatever name stands in it: the form has no other use.
    AnyName,
    /// Only a name that templates know.
    KnownName,
    /// Only one of two words: others stand in ordinary text, too.
    KnownWords,
}

const fn form(begin: &'static str, end: &'static str, accepts: Accepts) -> Form {
    Form {
        begin,
        end,
        accepts,
    }
}

/// A longer beginning comes before a shorter one.
const FORMS: &[Form] = &[
    form("$!{", "}", Accepts::AnyName),
    form("${", "}", Accepts::AnyName),
    form("%{", "}", Accepts::AnyName),
    form("#{", "}", Accepts::AnyName),
    form("@{", "}", Accepts::AnyName),
    form("<%=", "%>", Accepts::AnyName),
    form("[[", "]]", Accepts::KnownName),
    form("{", "}", Accepts::KnownName),
    form("%", "%", Accepts::KnownName),
    form("<", ">", Accepts::KnownWords),
    form("[", "]", Accepts::KnownWords),
];

/// Every foreign placeholder in `source`.
pub(super) fn foreign(source: &str) -> Vec<Foreign> {
    let mut found = Vec::new();
    for part in plain_parts(source) {
        let mut at = part.start;
        while at < part.end {
            let rest = source.get(at..part.end).unwrap_or_default();
            match placeholder(rest).or_else(|| shell_variable(rest)) {
                Some((length, name)) => {
                    found.push(Foreign {
                        span: at..at + length,
                        meant: known(name),
                        name: name.to_owned(),
                    });
                    at += length;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
    }
    found
}

/// The length and the name of the placeholder at the beginning of `rest`.
fn placeholder(rest: &str) -> Option<(usize, &str)> {
    FORMS.iter().find_map(|form| {
        let inner = rest.strip_prefix(form.begin)?;
        let end = inner.find(form.end).filter(|end| *end <= LONGEST)?;
        let name = inner.get(..end)?.trim();
        let is_meant = match form.accepts {
            Accepts::AnyName => is_name(name),
            Accepts::KnownName => known(name).is_some(),
            Accepts::KnownWords => known(name).is_some_and(|known| known.contains('_')),
        };
        is_meant.then_some((form.begin.len() + end + form.end.len(), name))
    })
}

/// `$queue_name`.
fn shell_variable(rest: &str) -> Option<(usize, &str)> {
    let inner = rest.strip_prefix('$')?;
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let name = inner.get(..end.unwrap_or(inner.len()))?;
    let known = known(name)?;
    known.contains('_').then_some((1 + name.len(), name))
}

fn is_name(text: &str) -> bool {
    let is_part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ' ' | '[' | ']');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_part)
}

/// The value of an event that `text` names in whole, also in the spelling of another language:
/// `queueName`, `Queue Name`, `event.queue_name`.
pub(super) fn known(text: &str) -> Option<&'static str> {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
        letters.flat_map(char::to_lowercase).collect()
    };
    let names = || FIELD_NAMES.iter().chain(COMMON_NAMES).chain(TEMPLATE_NAMES);
    let same = |text: &str| {
        let wanted = plain(text);
        names().copied().find(|name| plain(name) == wanted)
    };
    let parts = || text.split('.').map(str::trim);
    same(text)
        .or_else(|| parts().next().and_then(same))
        .or_else(|| parts().next_back().and_then(same))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(&str, Option<&'static str>)> {
        let found = foreign(source).into_iter();
        found
            .map(|one| (source.get(one.span).unwrap(), one.meant))
            .collect()
    }

    #[test]
    fn placeholders_of_other_languages_are_found() {
        for (source, marked, meant) in [
            ("{ queue_id }", "{ queue_id }", Some("queue_id")),
            ("on ${queueName}!", "${queueName}", Some("queue_name")),
            ("%{queue_name} waits", "%{queue_name}", Some("queue_name")),
            ("#{anything}", "#{anything}", None),
            ("@{triggerBody.id}", "@{triggerBody.id}", None),
            ("%SEVERITY%", "%SEVERITY%", Some("severity")),
            ("<queue_name>", "<queue_name>", Some("queue_name")),
            ("<%= status %>", "<%= status %>", Some("status")),
            ("$queue_name waits", "$queue_name", Some("queue_name")),
            ("{{ key }} {event.status}", "{event.status}", Some("status")),
        ] {
            assert_eq!(found(source), [(marked, meant)], "{source}");
        }
    }

    #[test]
    fn ordinary_text_is_none() {
        for source in [
            "{{ queue_name }} costs $5, {code}x{code}, [code]<b>{{ key }}</b>[/code]",
            "{% if status %}[status] <key> 5 % of 10 %{% endif %}",
            "{\"status\": \"{{ status }}\"} {# ${old} #} {% raw %}{{ x }}{% endraw %}",
            "all",
            "queue_name: {{ queue_name }}",
        ] {
            assert_eq!(found(source), [], "{source}");
        }
    }
}
