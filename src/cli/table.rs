//! Tables that fit the terminal.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// A column: its heading, and the JSON pointer to its value.
pub(super) type Column = (&'static str, &'static str);

/// `items` as a table of `columns`.
pub(super) fn render(items: &[Value], columns: &[Column]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns.iter().map(|(heading, _)| *heading));
    for item in items {
        table.add_row(
            columns
                .iter()
                .map(|(_, pointer)| shown(item.pointer(pointer))),
        );
    }
    table.to_string()
}

/// A value as a cell: no quotes, no nulls, no control characters.
pub(super) fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
