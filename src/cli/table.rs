//! Tables that fit the terminal, and single items.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle, presets};
use serde_json::Value;

use crate::text::visible;

/// A column: its heading, and the JSON pointer to its value.
pub(super) type Column = (&'static str, &'static str);

/// Lines of a table besides those of its rows: three rules and the headings.
const LINES_AROUND: usize = 4;
/// A rule above, below and under the headings.
const OPEN: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('═').junction('═'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// `items` as a table of `columns`.
pub(super) fn render(items: &[Value], columns: &[Column]) -> String {
    let mut table = Table::new();
    if let Some(width) = terminal_width() {
        table.set_width(width);
    }
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns.iter().map(|(heading, _)| *heading));
    for item in items {
        table.add_row(
            columns
                .iter()
                .map(|(_, pointer)| shown(item.pointer(pointer))),
        );
    }
    ruled(&mut table)
}

/// Columns of the terminal that standard output is.
pub(super) fn terminal_width() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(size.ws_col).filter(|width| *width > 0)
}

/// A rule stands between rows only where one of them takes several lines: elsewhere it would
/// double the table and tell nothing.
fn ruled(table: &mut Table) -> String {
    let open = table.load_style(OPEN).to_string();
    if open.lines().count() == table.row_count() + LINES_AROUND {
        return open;
    }
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).to_string()
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
        let table = |width| {
            let mut table = Table::new();
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width)
                .set_header(["check", "message"])
                .add_row(["field", "a message of some fifty characters, all in all"])
                .add_row(["field", "another"])
                .add_row(["field", "a third"]);
            ruled(&mut table)
        };
        let rules = |text: &str| text.lines().filter(|line| line.starts_with('─')).count();
        let (wide, narrow) = (table(200), table(40));
        assert_eq!(wide.lines().count(), 7, "{wide}");
        assert_eq!(rules(&wide), 2, "{wide}");
        assert_eq!(rules(&narrow), 4, "{narrow}");
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
