//! Statuses: mistyped ones, those that end an incident without being a recovery, and rules that
//! breach when all is well.

use std::ptr;

use super::kinds::{Kinds, Sort};
use super::place::Place;
use super::values::{set, slim};
use crate::normalise::catalogue::{Means, Topic, TopicStatus, usual_statuses};
use crate::rules::{Constant, Operand, nearest, span_of};
use crate::settings::{Problem, RuleSettings};

/// Most statuses that a message names.
const SHOWN: usize = 4;

/// All statuses of the topic; `None` when its sender may use any.
pub(super) fn closed(topic: &Topic) -> Option<&'static [TopicStatus]> {
    let is_usual = ptr::eq(topic.statuses, usual_statuses());
    (!is_usual && !topic.statuses.is_empty()).then_some(topic.statuses)
}

/// Warns of a rule that breaches when all is well, or that ends its incidents too early.
pub(super) fn check_meaning(rule: &RuleSettings, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    if !rule.when.reads().status() {
        return;
    }
    if let Some(problem) = breaches_when_fine(rule, kinds) {
        found.push(problem);
    } else if rule.clear.is_none() && rule.at_least == 1 {
        found.extend(cleared_by_trouble(rule, kinds));
    }
}

/// Warns of texts that are compared with the status, and that it never is.
pub(super) fn check_words(place: &Place<'_>, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    if !place
        .expression
        .reads()
        .names
        .iter()
        .any(|name| name.ends_with("status"))
    {
        return;
    }
    let is_open = |topic: &Topic| closed(topic).is_none();
    let may_be_any = kinds.all.iter().any(|kind| match kind.sort {
        Sort::Topic(topic) => is_open(topic) && topic.field("status").is_some(),
        Sort::Custom(_) => true,
    });
    let mut known: Vec<&str> = Vec::new();
    for topic in kinds.topics() {
        let statuses = closed(topic).unwrap_or(topic.statuses);
        known.extend(statuses.iter().map(|status| status.word));
    }
    known.sort_unstable();
    known.dedup();
    for compared in &place.comparisons.all {
        let (Operand::Name(name), Constant::Text(word)) = (&compared.operand, &compared.constant)
        else {
            continue;
        };
        if name != "status" && name != "previous_status" {
            continue;
        }
        let span = span_of(place.expression.source(), word);
        let upper = word.to_uppercase();
        let warn = |reason: String| Problem::warning(&place.path, reason).within(span.clone());
        let meant = nearest(&upper, known.iter().copied());
        if *word != upper {
            let reason = format!("`{name}` is always in upper case, and never \"{word}\"");
            let meant = meant.map_or(upper, str::to_owned);
            found.push(warn(reason).suggesting(Some(meant)));
        } else if name == "status" && !known.contains(&word.as_str()) {
            match (meant, may_be_any) {
                // Two words of an open list may well be alike: only a slip is told.
                (Some(meant), true) if is_slip(word, meant) => {
                    let reason = format!("\"{word}\" is no usual status");
                    found.push(warn(reason).suggesting(Some(meant)));
                }
                (_, true) => {}
                (meant, false) if !known.is_empty() => {
                    let reason = format!("no event of this rule has the status \"{word}\"");
                    let problem = warn(reason).suggesting(meant);
                    found.push(problem.with_help(format!("it is one of {}", known.join(", "))));
                }
                (_, false) => {}
            }
        }
    }
}

/// Whether `word` is `meant` with one slip of the finger.
fn is_slip(word: &str, meant: &str) -> bool {
    word.len() > 3 && strsim::damerau_levenshtein(word, meant) == 1
}

/// The statuses of the rule's topics, with the events in which they come.
fn statuses_of<'k>(
    kinds: &'k Kinds<'_>,
) -> impl Iterator<Item = (crate::domain::signal::Signal, &'k str, &'static TopicStatus)> {
    kinds.certain().flat_map(|kind| {
        let statuses = match kind.sort {
            Sort::Topic(topic) => topic.statuses,
            Sort::Custom(_) => &[],
        };
        let base = slim(&kind.samples.whole, []);
        statuses.iter().map(move |status| {
            let mut signal = base.clone();
            let word = Constant::Text(status.word.to_owned());
            set(&mut signal, &Operand::Name("status".to_owned()), &word);
            (signal, kind.source, status)
        })
    })
}

/// A rule whose `when` holds for a status that means that all is well, and for no other.
fn breaches_when_fine(rule: &RuleSettings, kinds: &Kinds<'_>) -> Option<Problem> {
    let mut fine = None;
    for (signal, source, status) in statuses_of(kinds) {
        if rule.when.holds(&signal, source) != Ok(Some(true)) {
            continue;
        }
        match status.means {
            Means::Fine => fine = fine.or(Some(status.word)),
            Means::Trouble | Means::Neither => return None,
        }
    }
    let fine = fine?;
    let reason = format!("holds for the status {fine}: a ticket is opened when all is well");
    let problem = Problem::warning(format!("rules.{}.when", rule.name), reason);
    let help = match rule.clear {
        Some(_) => "exchange `when` and `clear`",
        None => "name the statuses that are trouble",
    };
    Some(
        problem
            .within(span_of(rule.when.source(), fine))
            .with_help(help),
    )
}

/// A rule without `clear`, for which a status that is trouble is a recovery.
fn cleared_by_trouble(rule: &RuleSettings, kinds: &Kinds<'_>) -> Option<Problem> {
    let mut troubles: Vec<&str> = Vec::new();
    let mut recoveries: Vec<&str> = Vec::new();
    let mut breaches = false;
    for (signal, source, status) in statuses_of(kinds) {
        match (rule.when.holds(&signal, source), status.means) {
            (Ok(Some(true)), _) => breaches = true,
            (Ok(Some(false)), Means::Fine) => recoveries.push(status.word),
            (Ok(Some(false)), Means::Trouble) => troubles.push(status.word),
            _ => {}
        }
    }
    troubles.sort_unstable();
    troubles.dedup();
    recoveries.dedup();
    if !breaches || troubles.is_empty() {
        return None;
    }
    let shown = troubles
        .iter()
        .take(SHOWN)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let more = match troubles.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let reason =
        format!("without `clear`, every other status ends its incidents, also {shown}{more}");
    let help = match recoveries.as_slice() {
        [] => "write a `clear` that names the recovery".to_owned(),
        [only] => format!("write clear = 'status == \"{only}\"'"),
        several => {
            let quoted: Vec<String> = several
                .iter()
                .take(SHOWN)
                .map(|one| format!("\"{one}\""))
                .collect();
            format!(
                "write a `clear` that names the recovery, such as 'status in [{}]'",
                quoted.join(", ")
            )
        }
    };
    let problem = Problem::warning(format!("rules.{}.when", rule.name), reason);
    Some(problem.with_help(help))
}
