//! Tables that fit the terminal, and single items.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::wrap::wrapped;
use crate::text::visible;

/// A column: its heading, and the JSON pointer to its value.
pub(super) type Column = (&'static str, &'static str);

/// Between two columns.
const GAP: usize = 2;

/// `items` as a table of `columns`, as wide as the terminal at most.
pub(super) fn render(items: &[Value], columns: &[Column]) -> String {
    let heads = columns.iter().map(|(heading, _)| (*heading).to_owned());
    let mut rows: Vec<Vec<String>> = vec![heads.collect()];
    for item in items {
        let cells = columns.iter().map(|(_, at)| shown(item.pointer(at)));
        rows.push(cells.collect());
    }
    ruled(&rows, terminal_width().map(usize::from))
}

/// Columns of the terminal that standard output is.
fn terminal_width() -> Option<u16> {
    terminal_size().map(|(columns, _)| columns)
}

/// Columns and rows of the terminal that standard output is.
pub(super) fn terminal_size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some((size.ws_col, size.ws_row))
}

/// `rows` under each other, the first of them as headings. A rule stands between the others only
/// where one of them takes several lines: elsewhere it would double the table and tell nothing.
fn ruled(rows: &[Vec<String>], room: Option<usize>) -> String {
    let widths = widths(rows, room);
    let rows: Vec<String> = rows.iter().map(|row| laid_out(row, &widths)).collect();
    let width = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) + 2;
    let rule = |character: &str| character.repeat(width);
    let (head, rows) = rows
        .split_first()
        .map_or(("", &[][..]), |(head, rows)| (head, rows));
    let is_tall = rows.iter().any(|row| row.contains('\n'));
    let between = if is_tall {
        format!("\n{}\n", rule("─"))
    } else {
        "\n".to_owned()
    };
    let mut lines = vec![rule("─"), head.to_owned(), rule("═")];
    if !rows.is_empty() {
        lines.push(rows.join(&between));
    }
    lines.push(rule("─"));
    lines.join("\n")
}

/// How wide each column is: as wide as its widest cell, and where that is too much, the widest
/// columns give way.
fn widths(rows: &[Vec<String>], room: Option<usize>) -> Vec<usize> {
    let count = rows.first().map_or(0, Vec::len);
    let width_of = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.width())
            .max()
    };
    let mut widths: Vec<usize> = (0..count).map(|at| width_of(at).unwrap_or(0)).collect();
    let Some(room) = room else {
        return widths;
    };
    let room = room
        .saturating_sub(2 + GAP * count.saturating_sub(1))
        .max(count);
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => break,
        }
    }
    widths
}

/// A row as one line, or as several where a cell is longer than its column is wide.
fn laid_out(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| wrapped(cell, *width))
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let lines = (0..height).map(|line| {
        let parts = cells.iter().zip(widths).map(|(cell, width)| {
            let part = cell.get(line).map_or("", String::as_str);
            let fill = width.saturating_sub(part.width());
            format!("{part}{}", " ".repeat(fill))
        });
        let line = parts.collect::<Vec<_>>().join(&" ".repeat(GAP));
        format!(" {}", line.trim_end())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// One item: a line per value, indented by what it belongs to.
pub(super) fn details(item: &Value) -> String {
    let mut lines = Vec::new();
    let mut rest = item.clone();
    // What it is called stands first; the other names are in the order of the alphabet.
    if let Some(id) = rest
        .as_object_mut()
        .and_then(|members| members.remove("id"))
    {
        member("id", &id, 0, &mut lines);
    }
    describe(&rest, 0, &mut lines);
    lines.join("\n")
}

fn describe(item: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match item {
        Value::Object(members) => {
            for (name, value) in members {
                member(name, value, depth, lines);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                member(&format!("{}.", number + 1), value, depth, lines);
            }
        }
        value => lines.push(format!("{indent}{}", shown(Some(value)))),
    }
}

fn member(name: &str, value: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let name = plain(name);
    match value {
        Value::Null => {}
        Value::Object(inner) if inner.is_empty() => {}
        Value::Array(inner) if inner.is_empty() => {}
        Value::Object(_) | Value::Array(_) => {
            lines.push(format!("{indent}{name}"));
            describe(value, depth + 1, lines);
        }
        Value::String(text) if text.contains('\n') => {
            lines.push(format!("{indent}{name}"));
            lines.extend(
                text.lines()
                    .map(|line| format!("{indent}  {}", plain(line))),
            );
        }
        value => lines.push(format!("{indent}{name}: {}", shown(Some(value)))),
    }
}

/// A value as a cell: no quotes, no nulls, no control characters.
pub(super) fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(other) => plain(&other.to_string()),
    }
}

/// The value at `pointer` in `value` as a cell.
pub(super) fn shown_at(value: &Value, pointer: &str) -> String {
    shown(value.pointer(pointer))
}

/// `text` in one line, with nothing in it that a terminal would obey or hide.
pub(super) fn plain(text: &str) -> String {
    let is_space = |character| matches!(character, '\n' | '\r' | '\t');
    visible(&text.replace(is_space, " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_shown_line_by_line_without_what_is_empty() {
        let item = json!({
            "id": 7, "closed_at": null, "events": [],
            "ticket": {"number": "INC1", "closed": false},
            "history": [{"what": "opened"}], "body": "one\ntwo",
        });
        let expected = "body\n  one\n  two\nhistory\n  1.\n    what: opened\nid: 7\nticket\n  closed: false\n  number: INC1";
        assert_eq!(sorted(&details(&item)), sorted(expected));
    }

    #[test]
    fn rows_have_a_rule_between_them_only_where_one_takes_several_lines() {
        let rows = [
            ["check", "message"],
            ["field", "a message of some fifty characters, all in all"],
            ["field", "another"],
            ["field", "a third"],
        ];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let table = |width| ruled(&rows, Some(width));
        let rules = |text: &str| text.lines().filter(|line| line.starts_with('─')).count();
        let (wide, narrow) = (table(200), table(40));
        assert_eq!(wide.lines().count(), 7, "{wide}");
        assert_eq!(rules(&wide), 2, "{wide}");
        assert_eq!(rules(&narrow), 4, "{narrow}");
        assert!(narrow.lines().all(|line| line.width() <= 40), "{narrow}");
        assert!(narrow.contains("fifty"), "no word is broken: {narrow}");
    }

    #[test]
    fn a_terminal_is_never_given_orders() {
        let item = json!({"queue\u{1b}[2J": "a\u{1b}]0;title\u{7}\nb\u{9b}1m"});
        let text = format!("{} {}", details(&item), render(&[item], &[("q", "/none")]));
        assert!(!text.chars().any(|one| one.is_control() && one != '\n'));
        assert_eq!(
            plain("Billing \u{202e}gnilliB\u{200b}"),
            "Billing \\u{202e}gnilliB\\u{200b}"
        );
    }

    fn sorted(text: &str) -> Vec<&str> {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines
    }
}
