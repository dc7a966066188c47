//! Texts that a field never has: in the other case, misspelt, or none of a closed list.

use std::collections::BTreeSet;

use super::kinds::{Kinds, Sort};
use super::place::Place;
use crate::domain::polling::{POLL_SOURCE, STATUS_SOURCE};
use crate::domain::signal::Field;
use crate::normalise::catalogue::{self, Words};
use crate::rules::{Constant, Operand, nearest, span_of};
use crate::settings::{Problem, RuleSettings};

/// Other words for media types.
const MEDIA_TYPES: &[(&str, &str)] = &[
    ("phone", "voice"),
    ("call", "voice"),
    ("calls", "voice"),
    ("telephone", "voice"),
    ("telephony", "voice"),
    ("mail", "email"),
    ("e-mail", "email"),
    ("sms", "message"),
    ("whatsapp", "message"),
    ("messaging", "message"),
    ("webchat", "chat"),
];

/// What is known of a field's texts in the events of a rule.
struct Known<'k> {
    words: BTreeSet<&'k str>,
    extent: Extent,
}

/// How much of a field's texts is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// There are no others.
    All,
    /// Others are hardly ever seen.
    Usual,
    /// Senders write others, too.
    Some,
}

/// Warns of texts that a field of the rule's events never has.
pub(super) fn check(
    rule: &RuleSettings,
    place: &Place<'_>,
    kinds: &Kinds<'_>,
    found: &mut Vec<Problem>,
) {
    for compared in &place.comparisons.all {
        let (Operand::Name(name), Constant::Text(word)) = (&compared.operand, &compared.constant)
        else {
            continue;
        };
        let Some(known) = known(rule, name, kinds) else {
            found.extend(wildcard(place, name, word));
            continue;
        };
        if known.words.contains(word.as_str()) {
            continue;
        }
        let words = || known.words.iter().copied();
        let other_case = words().find(|one| one.eq_ignore_ascii_case(word));
        let upper: Vec<String> = words().map(str::to_uppercase).collect();
        let like = nearest(&word.to_uppercase(), upper.iter().map(String::as_str));
        let meant = other_case.or_else(|| words().find(|one| Some(&*one.to_uppercase()) == like));
        let is_slip = |meant: &str| {
            let (given, meant) = (word.to_lowercase(), meant.to_lowercase());
            word.len() > 3 && strsim::damerau_levenshtein(&given, &meant) == 1
        };
        let by_other_word = || {
            let mut others = MEDIA_TYPES.iter().filter(|_| name == "media_type");
            others
                .find(|(other, _)| word.eq_ignore_ascii_case(other))
                .map(|(_, meant)| *meant)
        };
        let meant = meant.or_else(by_other_word);
        let reason = match (other_case, known.extent, meant) {
            (Some(_), _, _) => format!("`{name}` is never \"{word}\": upper and lower case differ"),
            (None, Extent::All, _) => format!("`{name}` is never \"{word}\""),
            (None, Extent::Usual, _) => format!("\"{word}\" is no usual `{name}`"),
            (None, Extent::Some, Some(meant)) if is_slip(meant) => {
                format!("\"{word}\" is no usual `{name}`")
            }
            _ => continue,
        };
        let problem = Problem::warning(&place.path, reason).suggesting(meant);
        let problem = match (other_case, known.extent) {
            (None, Extent::All | Extent::Usual) => {
                let all = words().collect::<Vec<_>>().join(", ");
                problem.with_help(format!("it is one of {all}"))
            }
            _ => problem,
        };
        found.push(problem.within(span_of(place.expression.source(), word)));
    }
}

/// A text with a sign that stands for any text in other languages.
fn wildcard(place: &Place<'_>, name: &str, word: &str) -> Option<Problem> {
    let begin = word.trim_end_matches(['*', '%']);
    let is_wildcard = begin.len() < word.len() && !begin.is_empty() && !begin.ends_with(' ');
    if !is_wildcard || begin.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let sign = word.get(begin.len()..begin.len() + 1)?;
    let reason =
        format!("`{sign}` stands for itself in a comparison: `{name}` is hardly ever \"{word}\"");
    let problem = Problem::warning(&place.path, reason);
    let help = format!("write {name}.startsWith('{begin}')");
    Some(
        problem
            .with_help(help)
            .within(span_of(place.expression.source(), word)),
    )
}

/// What is known of the texts of the field `name`; `None`: it may have any.
fn known<'k>(rule: &'k RuleSettings, name: &str, kinds: &'k Kinds<'_>) -> Option<Known<'k>> {
    match name {
        "source" => {
            let sources = kinds.all.iter().map(|kind| kind.source);
            let words = sources.chain([POLL_SOURCE, STATUS_SOURCE]).collect();
            let extent = Extent::All;
            Some(Known { words, extent })
        }
        "event_type" => {
            let types = rule.events.iter().map(String::as_str);
            let extent = match rule.events.iter().any(|one| one == "*") {
                true => Extent::Some,
                false => Extent::All,
            };
            let words = types.collect();
            Some(Known { words, extent })
        }
        // An alert is about a metric of a queue.
        "alert_metric" if kinds.topics().any(|topic| topic.field(name).is_some()) => {
            let metrics = catalogue::topics().flat_map(|topic| topic.metrics);
            let words = metrics.map(|metric| metric.name).collect();
            let extent = Extent::Some;
            Some(Known { words, extent })
        }
        _ => in_catalogue(name, kinds),
    }
}

fn in_catalogue<'k>(name: &str, kinds: &'k Kinds<'_>) -> Option<Known<'k>> {
    let mut known = Known {
        words: BTreeSet::new(),
        extent: Extent::All,
    };
    let limit = |known: &mut Known<'_>, extent| known.extent = known.extent.max(extent);
    for kind in &kinds.all {
        let Some(Field::Text(_)) = kind.samples.whole.fields.get(name) else {
            continue;
        };
        let field = match kind.sort {
            Sort::Topic(topic) => topic.field(name)?,
            // It is brought into lower case.
            Sort::Custom(_) if name == "media_type" => {
                limit(&mut known, Extent::Some);
                continue;
            }
            // Its sender writes what it likes.
            Sort::Custom(_) => return None,
        };
        match field.words {
            Words::Free => return None,
            Words::Only(words) => known.words.extend(words),
            Words::Usual(words) => {
                known.words.extend(words);
                limit(&mut known, Extent::Usual);
            }
            Words::Sort => {
                let singles = kind.samples.single.iter();
                known.words.extend(singles.filter_map(|one| one.text(name)));
                limit(&mut known, Extent::Some);
            }
        }
    }
    (!known.words.is_empty()).then_some(known)
}
