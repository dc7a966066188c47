//! Texts that a field never has: in the other case, misspelt, or none of a closed list.

use std::collections::BTreeSet;

use super::kinds::{Kinds, Sort};
use super::place::Place;
use crate::domain::polling::{POLL_SOURCE, STATUS_SOURCE};
use crate::domain::signal::Field;
use crate::normalise::catalogue::Words;
use crate::rules::{Constant, Operand, nearest, span_of};
use crate::settings::{Problem, RuleSettings};

/// What is known of a field's texts in the events of a rule.
struct Known<'k> {
    words: BTreeSet<&'k str>,
    /// Whether there are no others.
    is_all: bool,
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
        let reason = match (other_case, meant) {
            (Some(_), _) => format!("`{name}` is never \"{word}\": upper and lower case differ"),
            (None, _) if known.is_all => format!("`{name}` is never \"{word}\""),
            (None, Some(meant)) if is_slip(meant) => format!("\"{word}\" is no usual `{name}`"),
            _ => continue,
        };
        let problem = Problem::warning(&place.path, reason).suggesting(meant);
        let problem = match (other_case, known.is_all) {
            (None, true) => {
                let all = words().collect::<Vec<_>>().join(", ");
                problem.with_help(format!("it is one of {all}"))
            }
            _ => problem,
        };
        found.push(problem.within(span_of(place.expression.source(), word)));
    }
}

/// What is known of the texts of the field `name`; `None`: it may have any.
fn known<'k>(rule: &'k RuleSettings, name: &str, kinds: &'k Kinds<'_>) -> Option<Known<'k>> {
    match name {
        "source" => {
            let sources = kinds.all.iter().map(|kind| kind.source);
            let words = sources.chain([POLL_SOURCE, STATUS_SOURCE]).collect();
            Some(Known {
                words,
                is_all: true,
            })
        }
        "event_type" => {
            let types = rule.events.iter().map(String::as_str);
            let is_all = rule.events.iter().all(|one| one != "*");
            Some(Known {
                words: types.collect(),
                is_all,
            })
        }
        _ => in_catalogue(name, kinds),
    }
}

fn in_catalogue<'k>(name: &str, kinds: &'k Kinds<'_>) -> Option<Known<'k>> {
    let mut known = Known {
        words: BTreeSet::new(),
        is_all: true,
    };
    for kind in &kinds.all {
        let Some(Field::Text(_)) = kind.samples.whole.fields.get(name) else {
            continue;
        };
        let field = match kind.sort {
            Sort::Topic(topic) => topic.field(name)?,
            // It is brought into lower case.
            Sort::Custom(_) if name == "media_type" => {
                known.is_all = false;
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
                known.is_all = false;
            }
            Words::Sort => {
                let singles = kind.samples.single.iter();
                known.words.extend(singles.filter_map(|one| one.text(name)));
                known.is_all = false;
            }
        }
    }
    (!known.words.is_empty()).then_some(known)
}
