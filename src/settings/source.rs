//! The text of the configuration files, and where in it each key and value stands.
//!
//! Pure.

use std::fmt;
use std::ops::Range;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::literal::raw_offset;
use super::problem::{Mark, Place, Problem};
use super::shown_line::{is_secret, shown_line};

/// The files of a configuration, in the order in which they are laid over each other.
#[derive(Clone, Default)]
pub struct Sources(pub(super) Vec<SourceFile>);

#[derive(Clone)]
pub(super) struct SourceFile {
    pub(super) name: String,
    pub(super) text: String,
    root: Spanning,
    /// Values that may not be shown.
    secrets: Vec<Range<usize>>,
}

/// Without the text, in which secrets may stand.
impl fmt::Debug for Sources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|file| &file.name);
        formatter.debug_list().entries(names).finish()
    }
}

/// Where a key and its value stand.
#[derive(Debug, Clone)]
struct Spanning {
    key: Range<usize>,
    value: Range<usize>,
    inner: Inner,
}

#[derive(Debug, Clone)]
enum Inner {
    Single,
    Table(IndexMap<String, Spanning>),
    List(Vec<Spanning>),
}

impl Sources {
    /// Finds the place of `problem` in the files.
    #[must_use]
    pub fn located(&self, problem: Problem) -> Problem {
        if problem.place.is_some() {
            return problem;
        }
        let place = self.place_of(&problem);
        Problem { place, ..problem }
    }

    /// Finds what stands in the table at the path `name` under the name `meant`.
    pub(super) fn rename(&mut self, name: &str, meant: &str) {
        let (above, name) = name.rsplit_once('.').unwrap_or(("", name));
        for file in &mut self.0 {
            let Inner::Table(tables) = &mut file.root.inner else {
                continue;
            };
            let tables = match above {
                "" => tables,
                above => match tables.get_mut(above).map(|above| &mut above.inner) {
                    Some(Inner::Table(inner)) => inner,
                    _ => continue,
                },
            };
            let Some(misnamed) = tables.shift_remove(name) else {
                continue;
            };
            let known = tables.get_mut(meant).map(|known| &mut known.inner);
            match (known, &misnamed.inner) {
                (Some(Inner::Table(known)), Inner::Table(more)) => {
                    for (key, spanning) in more {
                        known.entry(key.clone()).or_insert_with(|| spanning.clone());
                    }
                }
                _ => {
                    tables.insert(meant.to_owned(), misnamed);
                }
            }
        }
    }

    fn place_of(&self, problem: &Problem) -> Option<Place> {
        let steps = steps(&problem.path);
        let file = problem.layer.as_deref().map(file_of);
        let candidates = self.0.iter().rev();
        let candidates = candidates.filter(|one| file.is_none_or(|name| name == Some(&*one.name)));
        let found = candidates.map(|one| (one, one.root.find(&steps)));
        // Of the files that know as much of the path, the later one counts.
        let mut best: Option<(&SourceFile, (&Spanning, usize))> = None;
        for (file, (spanning, depth)) in found {
            if best.is_none_or(|(_, (_, known))| depth > known) {
                best = Some((file, (spanning, depth)));
            }
        }
        let (file, (spanning, depth)) = best.filter(|(_, (_, depth))| *depth > 0)?;
        let is_whole = depth == steps.len();
        Some(file.place(spanning.marked(&file.text, problem, is_whole)))
    }
}

impl SourceFile {
    pub(super) fn new(name: &str, text: &str, root: &DeTable<'_>) -> Self {
        let root = Spanning {
            key: 0..0,
            value: 0..text.len(),
            inner: table(root),
        };
        let mut secrets = Vec::new();
        root.find_secrets("", false, text, &mut secrets);
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            root,
            secrets,
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        place(&self.name, &self.text, span, &self.secrets)
    }
}

/// The place of `span` in `text`, the text of the file `name`.
pub(super) fn place(name: &str, text: &str, span: Range<usize>, secrets: &[Range<usize>]) -> Place {
    let start = floor(text, span.start);
    let before = text.get(..start).unwrap_or_default();
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(line_start..).unwrap_or_default();
    let whole = rest.lines().next().unwrap_or_default();
    let end = floor(text, span.end).clamp(start, line_start + whole.len());
    let (text_shown, marked) = match shown_line(whole, line_start, start..end, secrets) {
        Some((shown, marked)) => (Some(shown), marked),
        None => (None, 0..0),
    };
    Place {
        file: name.to_owned(),
        line,
        column: 1 + before.get(line_start..).unwrap_or_default().chars().count(),
        text: text_shown,
        marked,
    }
}

/// The last boundary of a character that is not behind `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// The file in `FILE line N`.
fn file_of(layer: &str) -> Option<&str> {
    layer.rsplit_once(" line ").map(|(file, _)| file)
}

fn table(values: &DeTable<'_>) -> Inner {
    let entries = values.iter().map(|(key, value)| {
        let name = key.get_ref().clone().into_owned();
        (name, spanning(key.span(), value))
    });
    Inner::Table(entries.collect())
}

fn spanning(key: Range<usize>, value: &Spanned<DeValue<'_>>) -> Spanning {
    let inner = match value.get_ref() {
        DeValue::Table(values) => table(values),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| spanning(item.span(), item));
            Inner::List(items.collect())
        }
        _ => Inner::Single,
    };
    Spanning {
        key,
        value: value.span(),
        inner,
    }
}

impl Spanning {
    /// The deepest part of `steps` that is there, and how many of them it takes.
    fn find(&self, steps: &[String]) -> (&Self, usize) {
        let mut found = (self, 0);
        for step in steps {
            let next = match &found.0.inner {
                Inner::Table(entries) => entries.get(step),
                Inner::List(items) => step.parse().ok().and_then(|at: usize| items.get(at)),
                Inner::Single => None,
            };
            let Some(next) = next else { break };
            found = (next, found.1 + 1);
        }
        found
    }

    fn marked(&self, text: &str, problem: &Problem, is_whole: bool) -> Range<usize> {
        let value = || {
            let is_header = matches!(self.inner, Inner::Table(_));
            let in_braces = text
                .get(self.value.clone())
                .is_some_and(|it| it.starts_with('{'));
            match is_header && !in_braces {
                true => self.key.clone(),
                false => self.value.clone(),
            }
        };
        match &problem.mark {
            _ if !is_whole => self.key.clone(),
            Mark::Value => value(),
            Mark::Key => self.key.clone(),
            Mark::Entry(at) => match &self.inner {
                Inner::List(items) => items.get(*at).map_or_else(value, |item| item.value.clone()),
                _ => value(),
            },
            Mark::Within(span) => {
                let literal = text.get(self.value.clone()).unwrap_or_default();
                let raw = |offset| self.value.start + raw_offset(literal, offset);
                raw(span.start)..raw(span.end.max(span.start + 1))
            }
        }
    }

    /// Collects the values that may not be shown. `name` is that of the key, `is_login` whether it
    /// stands in a table about a login.
    fn find_secrets(
        &self,
        name: &str,
        is_login: bool,
        text: &str,
        secrets: &mut Vec<Range<usize>>,
    ) {
        match &self.inner {
            Inner::Table(entries) => {
                for (key, entry) in entries {
                    let is_login = is_login || ["auth", "tokens", "callback"].contains(&&**key);
                    entry.find_secrets(key, is_login, text, secrets);
                }
            }
            Inner::List(items) => {
                for item in items {
                    item.find_secrets(name, is_login, text, secrets);
                }
            }
            Inner::Single => {
                let literal = text.get(self.value.clone()).unwrap_or_default();
                if is_secret(name, is_login, literal) {
                    secrets.push(self.value.clone());
                }
            }
        }
    }
}

/// The keys and numbers in a path such as `sources."a b".auth[0].secret`.
fn steps(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if rest.starts_with('"') {
            let mut quoted = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let Some(Ok(step)) = quoted.next() else { break };
            rest = rest.get(quoted.byte_offset()..).unwrap_or_default();
            steps.push(step);
        } else {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            let (step, after) = rest.split_at(end);
            steps.push(step.to_owned());
            rest = after;
        }
        rest = rest.trim_start_matches(['.', '[', ']']);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(text: &str, problem: Problem) -> (String, String) {
        let root = DeTable::parse(text).unwrap().into_inner();
        let sources = Sources(vec![SourceFile::new("my.toml", text, &root)]);
        let place = sources.located(problem).place.unwrap();
        let line = place.text.clone().unwrap_or_default();
        let marked = line.chars().skip(place.marked.start);
        let marked = marked.take(place.marked.len()).collect();
        (place.to_string(), marked)
    }

    #[test]
    fn a_value_a_key_an_entry_and_a_part_of_a_text_are_found() {
        let text = "[rules.one]\nevents = [\"a\", \"b\"]\nwhen = \"x \\\"é\\\" = y\"\n";
        let error = |path: &str| Problem::error(path, "wrong");
        let marked = |path: &str, mark| Problem {
            mark,
            ..error(path)
        };
        let found = |place: &str, text: &str| (place.to_owned(), text.to_owned());
        assert_eq!(
            place_of(text, marked("rules.one.events", Mark::Key)),
            found("my.toml:2:1", "events")
        );
        assert_eq!(
            place_of(text, marked("rules.one.events", Mark::Entry(1))),
            found("my.toml:2:16", "\"b\"")
        );
        // `=` is the eighth byte of the text, behind two escapes and a letter of two bytes.
        assert_eq!(
            place_of(text, marked("rules.one.when", Mark::Within(7..8))),
            found("my.toml:3:17", "=")
        );
        assert_eq!(
            place_of(text, error("rules.one.key")),
            found("my.toml:1:8", "one")
        );
    }

    #[test]
    fn a_path_with_quotes_and_numbers_has_its_steps() {
        assert_eq!(
            steps("admin.tokens.\"a.b\".auth[12].secret"),
            ["admin", "tokens", "a.b", "auth", "12", "secret"]
        );
    }

    #[test]
    fn a_secret_is_never_in_the_line_that_is_shown() {
        let text = "auth = [{ type = \"bearer\", secert = \"hunter-2\", x = 1 }]\n\
                    private_key = \"\"\"\nhunter-3\"\"\"\nurl = \"https://me:hunter-4@host\"\n";
        let root = DeTable::parse(text).unwrap().into_inner();
        let sources = Sources(vec![SourceFile::new("my.toml", text, &root)]);
        for path in ["auth[0].secert", "auth[0].x", "private_key", "url"] {
            let place = sources
                .located(Problem::error(path, "wrong"))
                .place
                .unwrap();
            assert!(!format!("{place:?}").contains("hunter"), "{place:?}");
        }
        let (_, marked) = place_of(text, Problem::error("auth[0].x", "wrong"));
        assert_eq!(marked, "1");
    }
}
