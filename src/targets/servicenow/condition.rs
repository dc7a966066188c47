//! For which records a rule of a CRM counts, as far as their values are known.
//!
//! Reads ServiceNow's encoded queries: `state=6^close_codeISEMPTY^ORcategoryINa,b^NQactive=false`.
//! A clause that is not understood makes the answer unknown, never wrong. Pure; may import: `targets::inspect`.

use crate::targets::inspect::{Condition, PossibleValues};

/// A condition: any of the parts, in which every group holds, of which any clause holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedCondition {
    source: String,
    parts: Vec<Vec<Vec<Clause>>>,
}

/// `None` for a clause that is not understood.
type Clause = Option<Comparison>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    field: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
}

/// The operators that are understood, those first that others begin with.
const OPERATORS: [(&str, Operator); 6] = [
    ("ISNOTEMPTY", Operator::NotIn),
    ("ISEMPTY", Operator::In),
    ("NOT IN", Operator::NotIn),
    ("IN", Operator::In),
    ("!=", Operator::NotIn),
    ("=", Operator::In),
];

impl EncodedCondition {
    /// Reads `encoded`; an empty one holds for every record.
    pub(crate) fn parse(encoded: &str) -> Self {
        let mut parts: Vec<Vec<Vec<Clause>>> = vec![Vec::new()];
        for piece in encoded.split('^') {
            let (begins_part, piece) = prefixed(piece, "NQ");
            let (is_alternative, piece) = prefixed(piece, "OR");
            if begins_part {
                parts.push(Vec::new());
            }
            if piece.is_empty() || piece == "EQ" {
                continue;
            }
            let Some(part) = parts.last_mut() else {
                continue;
            };
            match part.last_mut() {
                Some(group) if is_alternative => group.push(comparison(piece)),
                _ => part.push(vec![comparison(piece)]),
            }
        }
        Self {
            source: encoded.trim_end_matches("^EQ").to_owned(),
            parts,
        }
    }
}

impl Condition for EncodedCondition {
    fn source(&self) -> &str {
        &self.source
    }

    fn holds(&self, possible: &dyn Fn(&str) -> PossibleValues) -> Option<bool> {
        let clause = |clause: &Clause| clause.as_ref()?.holds(possible);
        let group = |group: &Vec<Clause>| any(group.iter().map(clause));
        let part = |part: &Vec<Vec<Clause>>| {
            any(part.iter().map(|one| group(one).map(|holds| !holds))).map(|fails| !fails)
        };
        any(self.parts.iter().map(part))
    }
}

/// Three-valued "or".
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut is_known = true;
    for answer in answers {
        match answer {
            Some(true) => return Some(true),
            Some(false) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(false)
}

impl Comparison {
    fn holds(&self, possible: &dyn Fn(&str) -> PossibleValues) -> Option<bool> {
        let possible = possible(&self.field)?;
        let is_in = |value: &String| self.values.contains(value);
        let all_in = possible.iter().all(is_in);
        let none_in = !possible.iter().any(is_in);
        match self.operator {
            _ if possible.is_empty() => None,
            Operator::In if all_in => Some(true),
            Operator::In if none_in => Some(false),
            Operator::NotIn if none_in => Some(true),
            Operator::NotIn if all_in => Some(false),
            Operator::In | Operator::NotIn => None,
        }
    }
}

fn prefixed<'piece>(piece: &'piece str, prefix: &str) -> (bool, &'piece str) {
    match piece.strip_prefix(prefix) {
        Some(rest) => (true, rest),
        None => (false, piece),
    }
}

fn comparison(piece: &str) -> Clause {
    let end = piece.find(|letter: char| {
        !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
    })?;
    let (field, rest) = piece.split_at(end);
    let (word, operator) = OPERATORS.iter().find(|(word, _)| rest.starts_with(word))?;
    let value = rest.get(word.len()..)?;
    let is_dynamic = value.contains("javascript:");
    let values = if word.ends_with("EMPTY") {
        vec![String::new()]
    } else if word.ends_with("IN") {
        value.split(',').map(|one| one.trim().to_owned()).collect()
    } else {
        vec![value.to_owned()]
    };
    (!is_dynamic).then(|| Comparison {
        field: field.to_owned(),
        operator: *operator,
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new record: `state` is 1 or 2, `category` is empty, nothing else is known.
    fn holds(encoded: &str) -> Option<bool> {
        EncodedCondition::parse(encoded).holds(&|field| match field {
            "state" => Some(vec!["1".to_owned(), "2".to_owned()]),
            "category" => Some(vec![String::new()]),
            _ => None,
        })
    }

    #[test]
    fn no_condition_holds_for_every_record() {
        assert_eq!(holds(""), Some(true));
        assert_eq!(holds("^EQ"), Some(true));
    }

    #[test]
    fn a_condition_is_certain_only_when_every_possible_value_agrees() {
        assert_eq!(holds("stateIN6,7^EQ"), Some(false));
        assert_eq!(holds("stateIN1,2,3"), Some(true));
        assert_eq!(holds("state=1"), None);
        assert_eq!(holds("state!=6"), Some(true));
        assert_eq!(holds("categoryISEMPTY"), Some(true));
        assert_eq!(holds("categoryISNOTEMPTY"), Some(false));
    }

    #[test]
    fn what_is_not_known_or_not_understood_matters_only_where_it_decides() {
        assert_eq!(holds("u_site=FRA"), None);
        assert_eq!(holds("state>1"), None);
        assert_eq!(holds("state=6^u_site=FRA"), Some(false));
        assert_eq!(holds("state=6^ORu_site=FRA"), None);
        assert_eq!(holds("u_site=FRA^NQcategoryISEMPTY"), Some(true));
        assert_eq!(holds("stateNOT IN6,7^state!=8"), Some(true));
        assert_eq!(holds("opened_by=javascript:gs.getUserID()"), None);
    }
}
