//! What to write where a template lacks a value: an alternative that does not change what is meant.
//! Pure.

use std::ops::Range;

/// The tag around a place of a template.
struct Tag<'s> {
    is_statement: bool,
    /// Without its braces.
    inside: &'s str,
}

/// The tag of `source` in which `name` stands at `span`, with an alternative for it.
pub(super) fn with_alternative(source: &str, name: &str, span: Option<Range<usize>>) -> String {
    let plain = format!("{{{{ {name} or 'unknown' }}}}");
    let Some(tag) = span.and_then(|span| tag_around(source, span)) else {
        return plain;
    };
    let inside = tag.inside;
    let alternative = |text: &str| {
        let written = match inside.ends_with(name) {
            true => format!("{name} or {text}"),
            false => format!("({name} or {text})"),
        };
        inside.replacen(name, &written, 1)
    };
    let condition = |inside: &str| {
        let (keyword, rest) = inside.split_once(' ').unwrap_or((inside, ""));
        match rest.contains(" or ") {
            true => format!("{keyword} {name} is defined and ({})", rest.trim()),
            false => format!("{keyword} {name} is defined and {}", rest.trim()),
        }
    };
    if tag.is_statement {
        return match inside.split(' ').next() {
            Some("if" | "elif") => format!("{{% {} %}}", condition(inside)),
            Some("for") => format!("{{% {} %}}", alternative("[]")),
            Some("set") => format!("{{% {} %}}", alternative("'unknown'")),
            _ => plain,
        };
    }
    let is_filtered = inside
        .strip_prefix(name)
        .is_some_and(|rest| rest.trim_start().starts_with('|'));
    match (inside == name, is_filtered) {
        (true, _) => plain,
        // A filter of numbers would fail on the text.
        (false, true) => format!("{{{{ {inside} if {name} is defined else 'unknown' }}}}"),
        (false, false) => format!("{{{{ {} }}}}", alternative("'unknown'")),
    }
}

fn tag_around(source: &str, span: Range<usize>) -> Option<Tag<'_>> {
    let before = source.get(..span.start)?;
    let (statement, output) = (before.rfind("{%"), before.rfind("{{"));
    let is_statement = statement > output;
    let (start, end) = match is_statement {
        true => (statement?, "%}"),
        false => (output?, "}}"),
    };
    let inside = source.get(start + 2..)?;
    let inside = inside.get(..inside.find(end)?)?;
    Some(Tag {
        is_statement,
        inside: inside.trim_matches(['-', '+', ' ']),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rules::Template;

    /// A template that fails, and what is offered.
    const OFFERS: &[(&str, &str)] = &[
        ("{{ trunk_name }}", "{{ trunk_name or 'unknown' }}"),
        (
            "{% if metrics.oWaiting.count > 5 %}x{% endif %}",
            "{% if metrics.oWaiting.count is defined and metrics.oWaiting.count > 5 %}",
        ),
        (
            "{% if queue_name == 'a' or trunk_name == 'b' %}x{% endif %}",
            "{% if trunk_name is defined and (queue_name == 'a' or trunk_name == 'b') %}",
        ),
        (
            "{% for one in trunk_name %}x{% endfor %}",
            "{% for one in trunk_name or [] %}",
        ),
        (
            "{% set name = trunk_name %}{{ name }}",
            "{% set name = trunk_name or 'unknown' %}",
        ),
        (
            "{{ wait_time_avg | round }}",
            "{{ wait_time_avg | round if wait_time_avg is defined else 'unknown' }}",
        ),
        (
            "{{ 'Trunk ' ~ trunk_name ~ '!' }}",
            "{{ 'Trunk ' ~ (trunk_name or 'unknown') ~ '!' }}",
        ),
    ];

    #[test]
    fn an_alternative_fits_where_the_value_stands() {
        let serde_json::Value::Object(context) = json!({"queue_name": "Billing"}) else {
            unreachable!("a literal object")
        };
        for (source, offered) in OFFERS {
            let template = Template::parse(source).unwrap();
            let error = template.render(&context).unwrap_err();
            let missing = error.missing.first();
            assert!(missing.is_some(), "{source}: {}", error.problem);
            let given = template.with_alternative(missing.unwrap());
            assert_eq!(given, *offered);
            // In place of its tag, it can be filled.
            let begin = &offered[..2];
            let end = if begin == "{%" { "%}" } else { "}}" };
            let at = source.find(begin).unwrap();
            let rest = source[at..].split_once(end).unwrap().1;
            let mended = Template::parse(&format!("{offered}{rest}")).unwrap();
            assert!(mended.render(&context).is_ok(), "{source}");
        }
    }
}
