//! The part of SOQL that a ticketing client uses: SELECT list or COUNT(), FROM, WHERE with
//! AND/OR over comparisons, ORDER BY, LIMIT.

use serde_json::{Map, Value, json};

use super::super::wire::{Answer, Request};
use super::error;
use super::records::{Record, Records};

/// Runs `?q=`.
pub(super) fn run(records: &Records, request: &Request, version: &str) -> Answer {
    let text = request
        .query
        .get("q")
        .map(String::as_str)
        .unwrap_or_default();
    match Query::parse(text) {
        Some(query) => query.answer(records, version),
        None => error(
            400,
            "MALFORMED_QUERY",
            &format!("unexpected token in: {text}"),
            &[],
        ),
    }
}

struct Query {
    fields: Vec<String>,
    counts: bool,
    object: String,
    /// Alternatives of conditions that all hold.
    filter: Vec<Vec<Condition>>,
    order: Option<(String, bool)>,
    limit: usize,
}

struct Condition {
    field: String,
    operator: String,
    values: Vec<String>,
}

fn tokens(text: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(&character) = characters.peek() {
        match character {
            c if c.is_whitespace() => {
                characters.next();
            }
            '\'' => {
                characters.next();
                let mut literal = String::from("'");
                loop {
                    match characters.next()? {
                        '\\' => literal.push(characters.next()?),
                        '\'' => break,
                        c => literal.push(c),
                    }
                }
                tokens.push(literal);
            }
            '(' | ')' | ',' => {
                tokens.push(character.to_string());
                characters.next();
            }
            '=' | '!' | '<' | '>' => {
                let mut operator = String::new();
                while let Some(c) = characters.next_if(|c| "=!<>".contains(*c)) {
                    operator.push(c);
                }
                tokens.push(operator);
            }
            _ => {
                let mut word = String::new();
                while let Some(c) =
                    characters.next_if(|c| !c.is_whitespace() && !"(),=!<>'".contains(*c))
                {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    Some(tokens)
}

impl Query {
    fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let mut rest = tokens.iter().map(String::as_str).peekable();
        let word = |token: Option<&str>, wanted: &str| {
            token
                .is_some_and(|token| token.eq_ignore_ascii_case(wanted))
                .then_some(())
        };
        word(rest.next(), "select")?;
        let mut fields = Vec::new();
        let mut counts = false;
        loop {
            let token = rest.next()?;
            if token.eq_ignore_ascii_case("from") {
                break;
            }
            if token.eq_ignore_ascii_case("count") {
                counts = true;
            } else if !matches!(token, "," | "(" | ")") {
                fields.push(token.to_owned());
            }
        }
        let object = rest.next()?.to_owned();
        let mut query = Self {
            fields,
            counts,
            object,
            filter: vec![Vec::new()],
            order: None,
            limit: 2000,
        };
        while let Some(token) = rest.next() {
            match token.to_ascii_lowercase().as_str() {
                "where" | "and" => query.filter.last_mut()?.push(condition(&mut rest)?),
                "or" => query.filter.push(vec![condition(&mut rest)?]),
                "order" => {
                    word(rest.next(), "by")?;
                    let field = rest.next()?.to_owned();
                    let descending = rest
                        .next_if(|token| token.eq_ignore_ascii_case("desc"))
                        .is_some();
                    rest.next_if(|token| token.eq_ignore_ascii_case("asc"));
                    query.order = Some((field, descending));
                }
                "limit" => query.limit = rest.next()?.parse().ok()?,
                _ => return None,
            }
        }
        Some(query)
    }

    fn answer(&self, records: &Records, version: &str) -> Answer {
        let mut rows: Vec<&Record> = records
            .rows
            .iter()
            .filter(|row| row.object == self.object && !row.deleted)
            .filter(|row| {
                self.filter
                    .iter()
                    .any(|all| all.iter().all(|condition| condition.holds(row)))
            })
            .collect();
        if let Some((field, descending)) = &self.order {
            rows.sort_by(|a, b| a.text(field).cmp(b.text(field)));
            if *descending {
                rows.reverse();
            }
        }
        rows.truncate(self.limit);
        if self.counts {
            let body = json!({"totalSize": rows.len(), "done": true, "records": []});
            return Answer::json(200, &body);
        }
        let found: Vec<Value> = rows.iter().map(|row| self.row(row, version)).collect();
        Answer::json(
            200,
            &json!({"totalSize": found.len(), "done": true, "records": found}),
        )
    }

    fn row(&self, record: &Record, version: &str) -> Value {
        let mut row = Map::new();
        let url = format!(
            "/services/data/{version}/sobjects/{}/{}",
            record.object,
            record.id()
        );
        row.insert(
            "attributes".into(),
            json!({"type": record.object, "url": url}),
        );
        for field in &self.fields {
            row.insert(
                field.clone(),
                record.fields.get(field).cloned().unwrap_or_default(),
            );
        }
        Value::Object(row)
    }
}

fn condition<'a>(rest: &mut impl Iterator<Item = &'a str>) -> Option<Condition> {
    let mut field = rest.next()?;
    while field == "(" {
        field = rest.next()?;
    }
    let operator = rest.next()?.to_ascii_lowercase();
    let mut values = Vec::new();
    if operator == "in" {
        loop {
            match rest.next()? {
                ")" => break,
                "(" | "," => {}
                value => values.push(unquoted(value)),
            }
        }
    } else {
        values.push(unquoted(rest.next()?));
    }
    Some(Condition {
        field: field.to_owned(),
        operator,
        values,
    })
}

fn unquoted(token: &str) -> String {
    token.strip_prefix('\'').unwrap_or(token).to_owned()
}

impl Condition {
    fn holds(&self, row: &Record) -> bool {
        let actual = match row.fields.get(&self.field) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let wanted = self.values.first().map(String::as_str).unwrap_or_default();
        let is_null = wanted.eq_ignore_ascii_case("null");
        match self.operator.as_str() {
            "=" if is_null => actual.is_empty(),
            "!=" if is_null => !actual.is_empty(),
            "=" => actual.eq_ignore_ascii_case(wanted),
            "!=" | "<>" => !actual.eq_ignore_ascii_case(wanted),
            "in" => self
                .values
                .iter()
                .any(|value| actual.eq_ignore_ascii_case(value)),
            "like" => is_like(&actual.to_lowercase(), &wanted.to_lowercase()),
            ">=" => comparable(&actual) >= comparable(wanted),
            ">" => comparable(&actual) > comparable(wanted),
            "<=" => comparable(&actual) <= comparable(wanted),
            "<" => comparable(&actual) < comparable(wanted),
            _ => false,
        }
    }
}

/// Times compare as text once both are written alike: `…Z` and `….000+0000` are the same.
fn comparable(text: &str) -> String {
    text.replace("+0000", "")
        .replace(".000", "")
        .trim_end_matches('Z')
        .to_owned()
}

/// SQL's LIKE with `%`.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('%');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
