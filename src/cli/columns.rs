//! Plain lines in columns: for a terminal, and for `grep` and `awk` when they are piped.

use std::io::IsTerminal;

use super::table::{plain, terminal_size};
use super::wrap::wrapped;

/// Between two columns.
const GAP: usize = 2;
/// What a column gets before another one is left out for it.
const COMFORTABLE: usize = 24;

/// A cell, and how it is shown on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    style: Style,
    /// When its column is left out where the terminal is too narrow: the greatest first, 0 never.
    rank: u8,
    /// Whether others are shortened first.
    is_whole: bool,
}

/// A column that is shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    at: usize,
    width: usize,
    rank: u8,
    is_whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bad,
    Warning,
    Quiet,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bad => "\u{1b}[1;31m",
            Self::Warning => "\u{1b}[33m",
            Self::Quiet => "\u{1b}[2m",
        }
    }

    /// Of a severity.
    pub(super) fn of_severity(name: &str) -> Self {
        match name {
            "critical" | "high" => Self::Bad,
            "medium" => Self::Warning,
            _ => Self::Plain,
        }
    }
}

impl Cell {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self::styled(text, Style::Plain)
    }

    pub(super) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self {
            text: plain(text.as_ref()),
            style,
            rank: 0,
            is_whole: false,
        }
    }

    /// The same in a column that is shortened after all others.
    pub(super) fn whole(self) -> Self {
        Self {
            is_whole: true,
            ..self
        }
    }

    /// The same in a column that is left out where the terminal is too narrow.
    pub(super) fn ranked(self, rank: u8) -> Self {
        Self { rank, ..self }
    }
}

/// Where lines are printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    /// Columns of the terminal; `None` when it is none.
    width: Option<usize>,
    /// Rows of the terminal.
    height: Option<usize>,
    has_colours: bool,
}

impl Screen {
    /// Standard output. `NO_COLOR` with any value keeps colours away.
    pub(super) fn of_stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let size = terminal_size().filter(|_| is_terminal);
        Self {
            width: size.map(|(columns, _)| usize::from(columns)),
            height: size.map(|(_, rows)| usize::from(rows)),
            has_colours: is_terminal && !no_colour,
        }
    }

    /// No terminal: a file or another program.
    #[cfg(test)]
    pub(super) const fn piped() -> Self {
        Self {
            width: None,
            height: None,
            has_colours: false,
        }
    }

    /// A terminal without colours.
    #[cfg(test)]
    pub(super) const fn of(width: usize, height: usize) -> Self {
        Self {
            width: Some(width),
            height: Some(height),
            has_colours: false,
        }
    }

    /// The same, with lines of any width: nothing is left out or cut.
    pub(super) const fn whole(self) -> Self {
        Self {
            width: None,
            ..self
        }
    }

    pub(super) const fn height(self) -> Option<usize> {
        self.height
    }

    /// Rows that `text` takes.
    pub(super) fn rows_of(self, text: &str) -> usize {
        let rows = |line: &str| match self.width {
            Some(width @ 1..) => line.chars().count().div_ceil(width).max(1),
            _ => 1,
        };
        text.lines().map(rows).sum()
    }

    pub(super) fn is_terminal(self) -> bool {
        self.width.is_some()
    }

    /// `text` in this style.
    pub(super) fn styled(self, text: &str, style: Style) -> String {
        match self.has_colours && style != Style::Plain {
            true => format!("{}{text}\u{1b}[0m", style.code()),
            false => text.to_owned(),
        }
    }

    /// `rows` with their columns under each other. On a terminal columns are left out, the least
    /// important first, and long cells are shortened; piped, everything is there. A column without
    /// any text is left out.
    pub(super) fn columns(self, rows: &[Vec<Cell>]) -> String {
        self.laid_out(rows, |text, width| vec![cut(text, width)])
    }

    /// The same, but the last column goes on in further lines: it is a text that is read whole.
    pub(super) fn paragraphs(self, rows: &[Vec<Cell>]) -> String {
        self.laid_out(rows, wrapped)
    }

    fn laid_out(self, rows: &[Vec<Cell>], last: fn(&str, usize) -> Vec<String>) -> String {
        let shown = self.shown(rows);
        let end = shown.len().saturating_sub(1);
        let before: usize = shown.iter().take(end).map(|one| one.width + GAP).sum();
        let lines = rows.iter().map(|row| {
            let mut line = String::new();
            for (place, column) in shown.iter().enumerate() {
                let Some(cell) = row.get(column.at) else {
                    continue;
                };
                if place == end {
                    let parts = last(&cell.text, column.width);
                    let parts = parts.iter().map(|part| self.styled(part, cell.style));
                    let next = format!("\n{}", " ".repeat(before));
                    line.push_str(&parts.collect::<Vec<_>>().join(&next));
                } else {
                    let text = cut(&cell.text, column.width);
                    let fill = column.width - text.chars().count().min(column.width) + GAP;
                    line.push_str(&self.styled(&text, cell.style));
                    line.push_str(&" ".repeat(fill));
                }
            }
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The columns of `rows` that have room, with their widths.
    fn shown(self, rows: &[Vec<Cell>]) -> Vec<Shown> {
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let columns = (0..count).map(|at| {
            let cells = || rows.iter().filter_map(move |row| row.get(at));
            Shown {
                at,
                width: cells()
                    .map(|cell| cell.text.chars().count())
                    .max()
                    .unwrap_or(0),
                rank: cells().map(|cell| cell.rank).max().unwrap_or(0),
                is_whole: cells().any(|cell| cell.is_whole),
            }
        });
        let mut columns: Vec<Shown> = columns.filter(|one| one.width > 0).collect();
        let Some(room) = self.width else {
            return columns;
        };
        while needed(&columns, COMFORTABLE) > room {
            let ranked = columns.iter().enumerate().filter(|(_, one)| one.rank > 0);
            match ranked.max_by_key(|(place, one)| (one.rank, *place)) {
                Some((least, _)) => columns.remove(least),
                None => break,
            };
        }
        while needed(&columns, usize::MAX) > room {
            let widest = |one: &&mut Shown| (one.width > 1 && !one.is_whole, one.width);
            match columns.iter_mut().max_by_key(widest) {
                Some(widest) if widest.width > 1 => widest.width -= 1,
                _ => break,
            }
        }
        columns
    }
}

/// What `columns` take when none of them takes more than `most`.
fn needed(columns: &[Shown], most: usize) -> usize {
    let widths = columns.iter().map(|one| match one.is_whole {
        true => one.width,
        false => one.width.min(most),
    });
    widths.sum::<usize>() + GAP * columns.len().saturating_sub(1)
}

/// `text` in at most `room` characters.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(room.saturating_sub(1)).collect();
    if room > 0 {
        shown.push('…');
    }
    shown
}

/// The ends of `ids`, each one id's alone, of at least eight characters. The ids of one outage begin
/// alike, because they begin with the time; and a short id must be one incident's alone among all
/// that the daemon knows, not only among those that are shown.
pub(super) fn short_ids(ids: &[String]) -> Vec<String> {
    const SHORTEST: usize = 8;
    const WHOLE: usize = 36;
    let shared = |one: &str, other: &str| {
        let pairs = one.bytes().rev().zip(other.bytes().rev());
        pairs.take_while(|(left, right)| left == right).count()
    };
    let short = |id: &String| {
        let others = ids.iter().filter(|other| *other != id);
        let longest = others.map(|other| shared(id, other)).max().unwrap_or(0);
        let length = (longest + 1).max(SHORTEST);
        let cut = id.len().saturating_sub(length);
        match id.len() == WHOLE {
            true => id.get(cut..).unwrap_or(id).to_owned(),
            false => id.clone(),
        }
    };
    ids.iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        let row = |severity: &str, name: &str, ticket: &str| {
            vec![
                Cell::styled(severity, Style::of_severity(severity)),
                Cell::new(""),
                Cell::new(name),
                Cell::new(ticket),
            ]
        };
        vec![
            row("critical", "Billing", "INC1"),
            row("low", "a\u{1b}[2Jb", "NO TICKET"),
        ]
    }

    #[test]
    fn piped_lines_are_plain_aligned_and_whole() {
        let piped = Screen::piped();
        assert_eq!(
            piped.columns(&rows()),
            "critical  Billing      INC1\nlow       a\\u{1b}[2Jb  NO TICKET"
        );
    }

    #[test]
    fn a_terminal_gets_colours_and_no_line_wider_than_it_is() {
        let plain = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        for width in [16, 30] {
            let narrow = Screen {
                has_colours: true,
                ..Screen::of(width, 24)
            };
            let shown = narrow.columns(&rows());
            assert!(shown.starts_with("\u{1b}[1;31mcri"), "{shown}");
            for line in plain.replace_all(&shown, "").lines() {
                assert!(line.chars().count() <= width, "{line:?}");
            }
        }
    }

    #[test]
    fn columns_are_left_out_by_their_rank_and_what_must_be_there_is_shortened_last() {
        let row = |name: &str| {
            vec![
                Cell::new("critical").ranked(2),
                Cell::new(name),
                Cell::new("queue-wait").ranked(3),
                Cell::new("INC0012345"),
            ]
        };
        let shown = |width: usize, name: &str| Screen::of(width, 24).columns(&[row(name)]);
        assert_eq!(
            shown(80, "Billing"),
            "critical  Billing  queue-wait  INC0012345"
        );
        assert_eq!(shown(40, "Billing"), "critical  Billing  INC0012345");
        assert_eq!(shown(20, "Billing"), "Billing  INC0012345");
        assert_eq!(
            shown(40, &"n".repeat(60)),
            format!("{}…  INC0012345", "n".repeat(27))
        );
        assert!(
            Screen::of(20, 24)
                .whole()
                .columns(&[row("Billing")])
                .contains("queue-wait")
        );
    }

    #[test]
    fn what_is_to_be_whole_is_shortened_after_all_others() {
        let row = [vec![
            Cell::new("ringdown review show 17").whole(),
            Cell::new("r".repeat(60)),
        ]];
        let shown = Screen::of(30, 24).columns(&row);
        assert_eq!(shown, "ringdown review show 17  rrrr…");
        let narrow = Screen::of(10, 24).columns(&row);
        assert!(narrow.chars().count() <= 10, "{narrow}");
    }

    #[test]
    fn a_text_that_is_read_whole_goes_on_under_itself() {
        let rows = [vec![Cell::new("at"), Cell::new("one two three")]];
        assert_eq!(
            Screen::of(12, 24).paragraphs(&rows),
            "at  one two\n    three"
        );
        assert_eq!(Screen::piped().paragraphs(&rows), "at  one two three");
    }

    #[test]
    fn ids_are_shown_by_their_ends_as_short_as_they_can_be_told_apart() {
        let ids = [
            "01a22811-bfb7-7000-8000-00001234abcd",
            "01a22811-bfb7-7000-8000-00005678abcd",
            "01a22811-bfb7-7000-8000-1000aaaabbbb",
            "01a22811-bfb7-7000-8000-2000aaaabbbb",
            "",
        ];
        assert_eq!(
            short_ids(&ids.map(str::to_owned)),
            ["1234abcd", "5678abcd", "1000aaaabbbb", "2000aaaabbbb", ""]
        );
    }
}
