//! What the help of a finding offers as code must be accepted: whoever does as it says may not be
//! told of another mistake.

use serde_json::Value;

use crate::cli::checking::{ERROR, found};

/// The configuration `text` with what `finding` offers in place of what it marks, in each way in
/// which that can be meant; none where no code is offered.
fn as_offered(finding: &Value, text: &str) -> Vec<String> {
    let number = |name: &str| finding[name].as_u64().map(|number| number as usize);
    let (Some(line), Some(column), Some(length)) =
        (number("line"), number("column"), number("length"))
    else {
        return Vec::new();
    };
    let Some(code) = finding["help"].as_str().and_then(code_in) else {
        return Vec::new();
    };
    let before: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let bytes = |at: usize| {
        let mut places = text[before..].char_indices();
        places.nth(at).map_or(text.len(), |(at, _)| before + at)
    };
    let (start, end) = (bytes(column - 1), bytes(column - 1 + length));
    let with =
        |start: usize, end: usize, code: &str| format!("{}{code}{}", &text[..start], &text[end..]);
    let mut all = Vec::new();
    let marked = &text[start..end];
    let bare = code.trim_matches('"');
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    if marked.starts_with(['"', '\'']) {
        all.push(with(start, end, &format!("\"{bare}\"")));
    }
    all.extend(around((start, end), (line_start, line_end), &code, text));
    let message = finding["message"].as_str().unwrap_or_default();
    let named = message.split('`').nth(1).unwrap_or_default();
    all.extend(beside(named, (line_start, line_end), bare, text));
    all.push(with(start, end, &format!("\"{bare}\"")));
    all.push(with(start, end, bare.trim_matches(['{', '}', ' '])));
    all.push(with(start, end, bare));
    all.push(with(start, end, &format!("'{bare}'")));
    all.push(with(start, end, &format!("\\\"{bare}\\\"")));
    if text[..start].ends_with(['"', '\'']) && start > 0 {
        all.push(with(start - 1, end + 1, bare));
        all.push(with(start.saturating_sub(2), end + 2, bare));
    }
    all
}

/// `text` with `code` in place of what stands from `start` to `end`.
fn replaced(text: &str, (start, end): (usize, usize), code: &str) -> String {
    format!("{}{code}{}", &text[..start], &text[end..])
}

/// The code in place of the whole reading or placeholder around the mark.
fn around(
    (start, end): (usize, usize),
    (line_start, line_end): (usize, usize),
    code: &str,
    text: &str,
) -> Vec<String> {
    // A reading without its statistic, or without its quotes, goes on behind what is marked.
    let plain = |text: &str| text.replace(['\'', '"', ']'], "").replace('[', ".");
    let is_reading = |whole: &str| {
        let (wanted, whole) = (plain(code), plain(whole));
        let rest = wanted.strip_prefix(&whole);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            || wanted == format!("{}.count)", whole.trim_end_matches(')'))
            || (whole.starts_with("has(") && whole.ends_with(')') && code.starts_with("has("))
    };
    let is_meant = |whole: &str| match code.starts_with("{{") {
        true => whole.starts_with("{{") && whole.ends_with("}}"),
        false => code.contains("metrics[") && is_reading(whole),
    };
    let places = (line_start..=start).flat_map(|from| (end..=line_end).map(move |to| (from, to)));
    places
        .filter(|(from, to)| is_meant(text.get(*from..*to).unwrap_or_default()))
        .map(|place| replaced(text, place, code))
        .collect()
}

/// The code in place of what the message names, or of the operator, where the mark is beside it.
fn beside(named: &str, (start, end): (usize, usize), code: &str, text: &str) -> Vec<String> {
    let others = [named, "<", ">"].into_iter();
    let meant =
        others.filter(|other| !other.is_empty() && (*other == named || matches!(code, "<" | ">")));
    let places = meant.filter_map(|other| {
        let at = start + text[start..end].rfind(other)?;
        Some((at, at + other.len()))
    });
    places.map(|place| replaced(text, place, code)).collect()
}

/// The code that `help` offers.
fn code_in(help: &str) -> Option<String> {
    for begin in ["did you mean `", "use `"] {
        if let Some((_, rest)) = help.split_once(begin) {
            let (code, rest) = rest.split_once('`')?;
            // Words after it say that more must be changed.
            return (!rest.starts_with(',')).then(|| code.to_owned());
        }
    }
    let begins = [
        "write at least ",
        "write at most ",
        "add a statistic, such as ",
        "a metric is written ",
        "an alternative: ",
        "such as {{",
        "write ",
    ];
    let (begin, rest) = begins
        .iter()
        .find_map(|begin| Some((*begin, help.split_once(begin)?.1)))?;
    let rest = match begin {
        "such as {{" => format!("{{{{{rest}"),
        _ => rest.to_owned(),
    };
    let is_code = rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '{'))
        || rest.starts_with("metrics[")
        || rest.starts_with("has(metrics");
    if !is_code {
        return None;
    }
    let ends = [
        "; ",
        " in quotes",
        " without quotes",
        ", or ",
        ", so ",
        " or has(",
    ];
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    let code = rest[..end.unwrap_or(rest.len())].trim();
    Some(code.to_owned())
}

/// What is wrong with the offer of `finding`, which was made for `text`.
pub(crate) fn refused_offer(finding: &Value, text: &str) -> Option<String> {
    let offered = as_offered(finding, text);
    let mut last = Vec::new();
    for text in &offered {
        last = found(text);
        let is_refused = |one: &Value| {
            let is_same = one["message"] == finding["message"];
            one["path"] == finding["path"] && (is_same || one["severity"] == ERROR)
        };
        let is_broken = last.iter().any(|one| one["path"] == "my.toml");
        if !is_broken && !last.iter().any(is_refused) {
            return None;
        }
    }
    (!offered.is_empty()).then(|| format!("the offer {} is refused: {last:#?}", finding["help"]))
}

#[test]
fn code_is_found_in_a_help() {
    for (help, code) in [
        ("did you mean `voice`? it is one of chat, voice", "voice"),
        ("use `&&`", "&&"),
        ("if milliseconds are meant, write 300", "300"),
        ("write \"408\" in quotes", "\"408\""),
        ("write at least \"10s\"", "\"10s\""),
        (
            "give it an alternative: {{ trunk_id or 'unknown' }}; without it …",
            "{{ trunk_id or 'unknown' }}",
        ),
        ("name the thing, such as {{ queue_id }}", "{{ queue_id }}"),
    ] {
        assert_eq!(code_in(help).as_deref(), Some(code), "{help}");
    }
    for help in [
        "use `!`, such as `!(a == 1)`",
        "remove it",
        "write your own",
    ] {
        assert_eq!(code_in(help), None, "{help}");
    }
}
