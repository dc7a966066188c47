//! The encoded query of the Table API: conditions, and the order.
//!
//! Pure. Imports only rows and switches.

use std::cmp::Ordering;

use super::failure::Failure;
use super::row::{Row, text};
use super::schema::Column;
use super::switches::{Switches, UnknownQueryField};

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    field: String,
    operator: &'static str,
    value: String,
}

/// A column to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    field: String,
    descending: bool,
}

/// A query: any of the parts (`^NQ`), in which all groups hold, of each of which any
/// condition holds (`^OR`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    parts: Vec<Vec<Vec<Condition>>>,
    order: Vec<Order>,
    nothing: bool,
}

/// The operators, those first that others begin with.
const OPERATORS: [&str; 15] = [
    "ISNOTEMPTY",
    "ISEMPTY",
    "STARTSWITH",
    "ENDSWITH",
    "NOT LIKE",
    "NOT IN",
    "LIKE",
    "IN",
    "ANYTHING",
    ">=",
    "<=",
    "!=",
    "=",
    ">",
    "<",
];

impl Query {
    /// Reads `encoded` and the bare `field=value` parameters, for a table with `columns`.
    ///
    /// # Errors
    ///
    /// 403 for a condition on a field that the table does not have or the user may not query
    /// by, where those are forbidden.
    pub(super) fn parse<'text>(
        encoded: &str,
        bare: impl Iterator<Item = (&'text String, &'text String)>,
        columns: &[Column],
        switches: &Switches,
    ) -> Result<Self, Failure> {
        let mut query = Self {
            parts: vec![Vec::new()],
            order: Vec::new(),
            nothing: false,
        };
        for piece in encoded.split('^').filter(|piece| !piece.is_empty()) {
            query.add(piece, columns, switches)?;
        }
        for (field, value) in bare {
            query.add(&format!("{field}={value}"), columns, switches)?;
        }
        Ok(query)
    }

    fn add(&mut self, piece: &str, columns: &[Column], switches: &Switches) -> Result<(), Failure> {
        if let Some(field) = piece.strip_prefix("ORDERBYDESC") {
            self.sort(field, true);
            return Ok(());
        }
        if let Some(field) = piece.strip_prefix("ORDERBY") {
            self.sort(field, false);
            return Ok(());
        }
        if piece == "EQ" {
            return Ok(());
        }
        let (begins_part, rest) = prefixed(piece, "NQ");
        let (alternative, rest) = prefixed(rest, "OR");
        if begins_part {
            self.parts.push(Vec::new());
        }
        let known = parse_condition(rest).filter(|condition| {
            columns.iter().any(|column| column.name == condition.field)
                && !switches.unqueryable_fields.contains(&condition.field)
                && !condition.value.starts_with("javascript:")
        });
        match (known, switches.unknown_query_field) {
            (Some(condition), _) => self.join(condition, alternative),
            (None, UnknownQueryField::Ignore) => {}
            (None, UnknownQueryField::NoRows) => self.nothing = true,
            (None, UnknownQueryField::Forbidden) => return Err(unreadable()),
        }
        Ok(())
    }

    fn sort(&mut self, field: &str, descending: bool) {
        self.order.push(Order {
            field: field.to_owned(),
            descending,
        });
    }

    fn join(&mut self, condition: Condition, alternative: bool) {
        let Some(part) = self.parts.last_mut() else {
            return;
        };
        match part.last_mut() {
            Some(group) if alternative => group.push(condition),
            _ => part.push(vec![condition]),
        }
    }

    /// The rows that match, in order.
    pub(super) fn select(&self, rows: &[Row]) -> Vec<Row> {
        let mut selected: Vec<Row> = rows
            .iter()
            .filter(|row| self.matches(row))
            .cloned()
            .collect();
        if !self.order.is_empty() {
            selected.sort_by(|left, right| self.compare(left, right));
        }
        selected
    }

    fn matches(&self, row: &Row) -> bool {
        let holds = |group: &Vec<Condition>| group.iter().any(|condition| condition.holds(row));
        !self.nothing && self.parts.iter().any(|part| part.iter().all(holds))
    }

    fn compare(&self, left: &Row, right: &Row) -> Ordering {
        self.order
            .iter()
            .map(|order| {
                let ordering = compare(text(left, &order.field), text(right, &order.field));
                if order.descending {
                    ordering.reverse()
                } else {
                    ordering
                }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl Condition {
    fn holds(&self, row: &Row) -> bool {
        let held = text(row, &self.field).to_lowercase();
        let value = self.value.to_lowercase();
        let listed = || value.split(',').any(|one| one.trim() == held);
        match self.operator {
            "ISEMPTY" => held.is_empty(),
            "ISNOTEMPTY" => !held.is_empty(),
            "STARTSWITH" => held.starts_with(&value),
            "ENDSWITH" => held.ends_with(&value),
            "LIKE" => held.contains(&value),
            "NOT LIKE" => !held.contains(&value),
            "IN" => listed(),
            "NOT IN" => !listed(),
            "=" => held == value,
            "!=" => held != value,
            ">" => compare(&held, &value).is_gt(),
            ">=" => compare(&held, &value).is_ge(),
            "<" => compare(&held, &value).is_lt(),
            "<=" => compare(&held, &value).is_le(),
            _ => true,
        }
    }
}

fn prefixed<'piece>(piece: &'piece str, prefix: &str) -> (bool, &'piece str) {
    match piece.strip_prefix(prefix) {
        Some(rest) => (true, rest),
        None => (false, piece),
    }
}

fn parse_condition(text: &str) -> Option<Condition> {
    let end = text.find(|letter: char| {
        !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.".contains(letter))
    })?;
    let (field, rest) = text.split_at(end);
    let operator = OPERATORS
        .into_iter()
        .find(|operator| rest.starts_with(operator))?;
    Some(Condition {
        field: field.to_owned(),
        operator,
        value: rest.get(operator.len()..)?.to_owned(),
    })
}

/// Numbers by value, everything else, times among it, by text.
fn compare(left: &str, right: &str) -> Ordering {
    match (left.parse::<i64>(), right.parse::<i64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(right),
    }
}

fn unreadable() -> Failure {
    Failure::new(
        403,
        "Insufficient rights to query records",
        "Field(s) present in the query do not have permission to be read",
    )
}
