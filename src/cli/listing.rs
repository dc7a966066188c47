//! Lists of the API as plain lines: one for each item, with columns under headings.

use serde_json::Value;

use super::Output;
use super::columns::{Cell, Screen, Style, short_ids};
use super::table::shown;
use crate::domain::situation::age;
use crate::domain::time::Timestamp;

/// A column: its heading, and the JSON pointer to its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    heading: &'static str,
    pointer: &'static str,
    kind: Kind,
    /// Only shown with `-o wide`.
    is_wide: bool,
    /// When it is left out where the terminal is too narrow: the greatest first, 0 never.
    rank: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A time, shown by its age; with `-o wide` as it is.
    Age,
    /// When something is due; nothing when that is past.
    Due,
    /// A long id, as short as it can be told apart; with `-o wide` whole.
    Id,
    Severity,
}

impl Column {
    const fn of(heading: &'static str, pointer: &'static str, kind: Kind) -> Self {
        Self {
            heading,
            pointer,
            kind,
            is_wide: false,
            rank: 1,
        }
    }

    /// The same, and left out before those of a lower rank; with 0 never.
    pub(super) const fn rank(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    pub(super) const fn text(heading: &'static str, pointer: &'static str) -> Self {
        Self::of(heading, pointer, Kind::Text)
    }

    pub(super) const fn age(heading: &'static str, pointer: &'static str) -> Self {
        Self::of(heading, pointer, Kind::Age)
    }

    pub(super) const fn due(heading: &'static str, pointer: &'static str) -> Self {
        Self::of(heading, pointer, Kind::Due)
    }

    pub(super) const fn id(heading: &'static str, pointer: &'static str) -> Self {
        Self::of(heading, pointer, Kind::Id)
    }

    pub(super) const fn severity(heading: &'static str, pointer: &'static str) -> Self {
        Self::of(heading, pointer, Kind::Severity)
    }

    /// The same, only with `-o wide`.
    pub(super) const fn wide(self) -> Self {
        Self {
            is_wide: true,
            ..self
        }
    }

    fn cells(self, items: &[Value], output: Output, now: Timestamp) -> Vec<Cell> {
        let texts: Vec<String> = items
            .iter()
            .map(|item| cell_text(item.pointer(self.pointer)))
            .collect();
        let is_wide = output == Output::Wide;
        match self.kind {
            Kind::Id if !is_wide => {
                let short = short_ids(&texts).into_iter();
                short.map(|id| Cell::styled(id, Style::Quiet)).collect()
            }
            Kind::Age if !is_wide => texts
                .iter()
                .map(|at| Cell::new(age_text(at, now)))
                .collect(),
            Kind::Due => texts
                .iter()
                .map(|at| match at.parse::<Timestamp>() {
                    Ok(due) if due <= now => Cell::new(""),
                    _ if is_wide => Cell::new(at),
                    _ => Cell::new(age_text(at, now)),
                })
                .collect(),
            Kind::Severity => {
                let style = |text: &String| Cell::styled(text, Style::of_severity(text));
                texts.iter().map(style).collect()
            }
            _ => texts.iter().map(Cell::new).collect(),
        }
    }
}

/// A list of plain values stands with commas.
fn cell_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(items))
            if items.iter().all(|one| !one.is_object() && !one.is_array()) =>
        {
            let items: Vec<String> = items.iter().map(|one| shown(Some(one))).collect();
            items.join(", ")
        }
        value => shown(value),
    }
}

fn age_text(at: &str, now: Timestamp) -> String {
    match at.parse::<Timestamp>() {
        Ok(at) if at > now => format!("in {}", age(at.since(now))),
        Ok(at) => age(now.since(at)),
        Err(_) => at.to_owned(),
    }
}

/// `items` as lines of `columns`. A column in which nothing stands is left out.
pub(super) fn lines(
    items: &[Value],
    columns: &[Column],
    output: Output,
    screen: Screen,
    now: Timestamp,
) -> String {
    let shown = columns
        .iter()
        .filter(|column| output == Output::Wide || !column.is_wide)
        .map(|column| (column, column.cells(items, output, now)))
        .filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
    let shown: Vec<(&Column, Vec<Cell>)> = shown.collect();
    let head = shown.iter().map(|(column, _)| {
        Cell::styled(column.heading.to_uppercase(), Style::Quiet).ranked(column.rank)
    });
    let mut rows: Vec<Vec<Cell>> = vec![head.collect()];
    for place in 0..items.len() {
        let row = shown.iter().filter_map(|(_, cells)| cells.get(place));
        rows.push(row.cloned().collect());
    }
    match output {
        Output::Wide => screen.whole().columns(&rows),
        _ => screen.columns(&rows),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::severity("severity", "/severity"),
        Column::age("age", "/at"),
        Column::text("note", "/note"),
        Column::id("id", "/id"),
    ];

    fn shown(output: Output) -> String {
        let items = [
            json!({"severity": "high", "at": "2026-11-23T14:00:00.000Z", "note": null,
                "id": "01a22811-bfb7-7000-8000-00001234abcd"}),
            json!({"severity": "low", "at": "2026-11-23T13:00:00.000Z", "note": null,
                "id": "01a22811-bfb7-7000-8000-00005678abcd"}),
        ];
        let now = "2026-11-23T14:04:00Z".parse().unwrap();
        lines(&items, &COLUMNS, output, Screen::piped(), now)
    }

    #[test]
    fn ages_and_short_ids_stand_in_columns_and_empty_columns_are_left_out() {
        assert_eq!(
            shown(Output::Table),
            "SEVERITY  AGE        ID\n\
             high      4 min      1234abcd\n\
             low       1 h 4 min  5678abcd"
        );
    }

    #[test]
    fn what_is_due_and_past_is_left_out_and_lists_are_words() {
        const DUE: [Column; 2] = [
            Column::due("next", "/next"),
            Column::text("match", "/match"),
        ];
        let items = [
            json!({"next": "2026-11-23T14:00:00.000Z", "match": ["key=Sales", "rule=wait"]}),
            json!({"next": "2026-11-23T14:05:00.000Z", "match": []}),
        ];
        let now = "2026-11-23T14:04:00Z".parse().unwrap();
        assert_eq!(
            lines(&items, &DUE, Output::Table, Screen::piped(), now),
            "NEXT      MATCH\n          key=Sales, rule=wait\nin 1 min"
        );
    }

    #[test]
    fn wide_shows_whole_ids_and_times() {
        let wide = shown(Output::Wide);
        for part in [
            "2026-11-23T13:00:00.000Z",
            "01a22811-bfb7-7000-8000-00005678abcd",
        ] {
            assert!(wide.contains(part), "{wide}");
        }
    }
}
