//! Plain lines in columns: for a terminal, and for `grep` and `awk` when they are piped.

use std::io::IsTerminal;

use super::table::{plain, terminal_width};

/// A cell, and how it is shown on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    style: Style,
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
        }
    }
}

/// Where lines are printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    /// Columns of the terminal; `None` when it is none.
    width: Option<usize>,
    has_colours: bool,
}

impl Screen {
    /// Standard output. `NO_COLOR` with any value keeps colours away.
    pub(super) fn of_stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = terminal_width().map(usize::from);
        Self {
            width: width.filter(|_| is_terminal),
            has_colours: is_terminal && !no_colour,
        }
    }

    /// No terminal: a file or another program.
    #[cfg(test)]
    pub(super) const fn piped() -> Self {
        Self {
            width: None,
            has_colours: false,
        }
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

    /// `rows` with their columns under each other. On a terminal a line is cut at its end; piped,
    /// everything is there. A column without any text is left out.
    pub(super) fn columns(self, rows: &[Vec<Cell>]) -> String {
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.chars().count()).max()
        };
        let widths: Vec<usize> = (0..count).map(|at| width_of(at).unwrap_or(0)).collect();
        let last = widths.iter().rposition(|width| *width > 0).unwrap_or(0);
        let lines = rows.iter().map(|row| {
            let (mut line, mut used) = (String::new(), 0);
            for (at, cell) in row.iter().enumerate().filter(|(at, _)| widths[*at] > 0) {
                let room = self
                    .width
                    .map_or(usize::MAX, |width| width.saturating_sub(used));
                let text = cut(&cell.text, room);
                let shown = text.chars().count();
                line.push_str(&self.styled(&text, cell.style));
                used += shown;
                let fill = widths[at].saturating_sub(shown) + 2;
                if at < last && self.width.is_none_or(|width| used + fill < width) {
                    line.push_str(&" ".repeat(fill));
                    used += fill;
                } else if at < last {
                    break;
                }
            }
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
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
        let piped = Screen {
            width: None,
            has_colours: false,
        };
        assert_eq!(
            piped.columns(&rows()),
            "critical  Billing      INC1\nlow       a\\u{1b}[2Jb  NO TICKET"
        );
    }

    #[test]
    fn a_terminal_gets_colours_and_no_line_wider_than_it_is() {
        let narrow = Screen {
            width: Some(16),
            has_colours: true,
        };
        let shown = narrow.columns(&rows());
        assert!(
            shown.starts_with("\u{1b}[1;31mcritical\u{1b}[0m  Billi"),
            "{shown}"
        );
        let plain = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        for line in plain.replace_all(&shown, "").lines() {
            assert!(line.chars().count() <= 16, "{line:?}");
        }
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
