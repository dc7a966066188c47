//! Jinja templates for correlation keys and ticket fields.
//!
//! A template that meets a missing value fails; it never writes an empty string or "none"
//! into a ticket.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::alternatives::with_alternative;
use super::comparisons::Operand;
use super::foreign::{self, Foreign, foreign};
use super::habits::{filter_meant, flat_name};
use super::inner::Inner;
use super::nearest::nearest;
use super::span::{span_of, span_within, word_at};
use super::tags::{FILTERS, TESTS, slip, tags, texts, used};
use crate::domain::signal::{COMMON_NAMES, FIELD_NAMES};

/// The only template in each environment.
const NAME: &str = "template";

/// Names that templates see besides those of a signal.
pub(super) const TEMPLATE_NAMES: &[&str] = &[
    "rule",
    "key",
    "severity",
    "incident",
    "outage",
    "ticket",
    "waiting_now",
    "agents_now",
];

/// The values that a template is rendered with: an object of plain JSON values.
pub type TemplateContext = serde_json::Map<String, serde_json::Value>;

/// A template of the configuration, parsed and checked.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    environment: Arc<Environment<'static>>,
    /// The names at the root of everything that it looks up.
    roots: Arc<[String]>,
    /// The one name of a template that is nothing but `{{ name }}`.
    plain: Option<Arc<str>>,
    inner: Arc<Inner>,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// It does not follow the template language's grammar.
    #[error("not a valid template: {message}")]
    Syntax {
        message: String,
        /// What to write instead.
        help: Option<String>,
        span: Option<Range<usize>>,
    },
    /// It uses a name that nothing carries.
    #[error("unknown name `{name}`{}", meant(suggestion.as_deref()))]
    UnknownName {
        name: String,
        /// The known name most like it.
        suggestion: Option<String>,
        /// What to write instead.
        help: Option<String>,
        span: Option<Range<usize>>,
    },
    /// It uses a filter that there is not.
    #[error("unknown filter `{name}`{}", meant(*suggestion))]
    UnknownFilter {
        name: String,
        suggestion: Option<&'static str>,
        span: Range<usize>,
    },
    /// It uses a test that there is not.
    #[error("unknown test `{name}`{}", meant(*suggestion))]
    UnknownTest {
        name: String,
        suggestion: Option<&'static str>,
        span: Range<usize>,
    },
}

fn meant(suggestion: Option<&str>) -> String {
    let words = |name: &str| format!("; did you mean `{name}`?");
    suggestion.map(words).unwrap_or_default()
}

/// A template that failed on the values at hand, above all on a missing one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {template:?}: {problem}")]
pub struct RenderError {
    /// The template's text, cut to 120 characters.
    pub template: String,
    /// What is missing or does not fit.
    pub problem: String,
    /// The names whose values are missing.
    pub missing: Vec<String>,
}

impl Template {
    /// Parses `source` and checks every name in it.
    pub fn parse(source: &str) -> Result<Self, BadTemplate> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        // Between ServiceNow's `[code]` tags the text is HTML.
        let is_markup = source.to_ascii_lowercase().contains("[code]");
        environment.set_auto_escape_callback(move |_| match is_markup {
            true => minijinja::AutoEscape::Html,
            false => minijinja::AutoEscape::None,
        });
        environment
            .add_template_owned(NAME, source.to_owned())
            .map_err(|error| match slip(source) {
                Some(slip) => BadTemplate::Syntax {
                    message: slip.message,
                    help: slip.help,
                    span: Some(slip.span),
                },
                None => BadTemplate::Syntax {
                    message: problem_of(&error),
                    help: None,
                    span: line_of(source, &error),
                },
            })?;
        let mut template = Self {
            source: source.into(),
            environment: Arc::new(environment),
            roots: Arc::default(),
            plain: plain_name(source).map(Arc::from),
            inner: Arc::default(),
        };
        template.check_names()?;
        template.check_filters()?;
        let names = template.names();
        template.inner = Arc::new(Inner::of(source, &names));
        let roots = names.iter().filter_map(|name| name.split('.').next());
        template.roots = roots.map(str::to_owned).collect();
        Ok(template)
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the template looks anything up under `name`.
    pub fn uses(&self, name: &str) -> bool {
        self.roots.iter().any(|root| root == name)
    }

    /// The name, when the template is nothing but `{{ name }}`: its text is that value's.
    pub fn plain_name(&self) -> Option<&str> {
        self.plain.as_deref()
    }

    /// The names the template looks up, so that a failure can say which of them is missing.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .environment
            .get_template(NAME)
            .map(|template| template.undeclared_variables(true).into_iter().collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    /// The text for `context`.
    pub fn render(&self, context: &TemplateContext) -> Result<String, RenderError> {
        let error = match self.render_once(context) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let is_undefined = error.kind() == ErrorKind::UndefinedError;
        let filled = is_undefined.then(|| self.inner.without_outer(context));
        if let Some(text) = filled
            .flatten()
            .and_then(|filled| self.render_once(&filled).ok())
        {
            return Ok(text);
        }
        let missing = match is_undefined {
            true => self.missing(context),
            false => self.missing_numbers(context),
        };
        Err(RenderError {
            template: self.source.chars().take(120).collect(),
            problem: match (missing.is_empty(), is_undefined) {
                (false, _) => format!("missing value: {}", missing.join(", ")),
                (true, true) => "a value is missing".to_owned(),
                (true, false) => problem_of(&error),
            },
            missing,
        })
    }

    fn render_once(&self, context: &TemplateContext) -> Result<String, minijinja::Error> {
        let template = self.environment.get_template(NAME)?;
        template.render(Value::from(Serde(context)))
    }

    /// The names without which the template cannot be rendered. One that has an alternative, as in
    /// `{{ queue_name or key }}`, is not among them.
    fn missing(&self, context: &TemplateContext) -> Vec<String> {
        let names = self.names().into_iter();
        let mut absent: Vec<String> = names
            .filter(|name| look_up(context, name).is_none())
            .collect();
        // The engine does not name what is looked up by a text.
        let readings = self.inner.missing(context);
        absent.extend(readings);
        absent.sort();
        absent.dedup();
        let renders_without = |left_out: &String| {
            let mut filled = context.clone();
            for name in absent.iter().filter(|name| *name != left_out) {
                if !self.inner.fill(&mut filled, name) {
                    fill(&mut filled, name, "1".into());
                }
            }
            let filled = self.inner.without_outer(&filled).unwrap_or(filled);
            self.render_once(&filled).is_ok()
        };
        let needed: Vec<String> = absent
            .iter()
            .filter(|one| !renders_without(one))
            .cloned()
            .collect();
        match needed.is_empty() {
            // Each of several has the others as alternatives.
            true => absent,
            false => needed,
        }
    }

    /// The names without which a filter of numbers fails, such as `round`: the engine does not say that
    /// its value is missing.
    fn missing_numbers(&self, context: &TemplateContext) -> Vec<String> {
        let names = self.names().into_iter();
        let absent: Vec<String> = names
            .filter(|name| look_up(context, name).is_none())
            .collect();
        let renders_without = |left_out: Option<&String>| {
            let mut filled = context.clone();
            for name in absent.iter().filter(|name| Some(*name) != left_out) {
                fill(&mut filled, name, 1.into());
            }
            self.render_once(&filled).is_ok()
        };
        match absent.is_empty() || !renders_without(None) {
            true => Vec::new(),
            false => absent
                .iter()
                .filter(|one| !renders_without(Some(one)))
                .cloned()
                .collect(),
        }
    }

    /// Where `part` stands in the template, within its braces.
    pub fn span_of(&self, part: &str) -> Option<Range<usize>> {
        let mut tags = tags(&self.source).into_iter();
        tags.find_map(|tag| span_within(&self.source, tag, part))
    }

    /// The part of the template that lacks `name`, as it can be filled without it.
    pub fn with_alternative(&self, name: &str) -> String {
        with_alternative(&self.source, name, self.span_of(name))
    }

    /// Placeholders of other template languages, which would be sent as they are.
    pub fn foreign(&self) -> Vec<Foreign> {
        foreign(&self.source)
    }

    /// Whether the template has no placeholder, and gives the same text always.
    pub fn is_constant(&self) -> bool {
        tags(&self.source).is_empty()
    }

    /// The readings and labels that it looks up, each with its spelling.
    pub fn lookups(&self) -> Vec<(Operand, String)> {
        let names = self.names().into_iter();
        let labels = names.filter_map(|name| {
            let label = name.strip_prefix("labels.")?.to_owned();
            Some((Operand::Label(label), name))
        });
        self.inner.readings().chain(labels).collect()
    }

    /// The texts in quotes that stand in its placeholders.
    pub fn texts(&self) -> Vec<String> {
        texts(&self.source)
    }

    /// The name of a value that the template is, without the braces that it needs: such a template
    /// gives the same text for every event.
    pub fn bare_name(&self) -> Option<&'static str> {
        let words = self
            .source
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let mut words = words.filter(|word| word.contains('_'));
        let named =
            || foreign::known(self.source.trim()).or_else(|| words.find_map(foreign::known));
        let of_event = |name: &&str| !TEMPLATE_NAMES.contains(name);
        self.is_constant().then(named).flatten().filter(of_event)
    }

    /// How to write the metric in whose brackets `at` is: in expressions it needs no quotes.
    fn metric_in_quotes(&self, at: usize) -> Option<String> {
        let before = self.source.get(..at)?.strip_suffix("metrics[")?;
        let rest = self.source.get(before.len() + "metrics[".len()..)?;
        let (name, after) = rest.split_once("].")?;
        let statistic = word_at(after, 0);
        Some(format!("write metrics['{name}'].{statistic}"))
    }

    fn check_filters(&self) -> Result<(), BadTemplate> {
        let Ok(template) = self.environment.get_template(NAME) else {
            return Ok(());
        };
        let mut state = template.new_state();
        for one in used(&self.source) {
            let result = match one.is_test {
                true => state.perform_test(&one.name, &[]).map(|_| ()),
                false => state.apply_filter(&one.name, &[]).map(|_| ()),
            };
            let kind = result.err().map(|error| error.kind());
            let (name, span) = (one.name, one.span);
            match kind {
                Some(ErrorKind::UnknownFilter) => {
                    let suggestion =
                        filter_meant(&name).or_else(|| nearest(&name, FILTERS.iter().copied()));
                    return Err(BadTemplate::UnknownFilter {
                        name,
                        suggestion,
                        span,
                    });
                }
                Some(ErrorKind::UnknownTest) => {
                    let suggestion = nearest(&name, TESTS.iter().copied());
                    return Err(BadTemplate::UnknownTest {
                        name,
                        suggestion,
                        span,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), BadTemplate> {
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let known = || {
            FIELD_NAMES
                .iter()
                .chain(COMMON_NAMES)
                .chain(TEMPLATE_NAMES)
                .copied()
        };
        for name in self.names() {
            let root = name.split('.').next().unwrap_or_default();
            if !known().any(|known| known == root) && !globals.contains(&root) {
                let span = self.span_of(root).or_else(|| span_of(&self.source, root));
                let help = span.as_ref().and_then(|at| self.metric_in_quotes(at.start));
                let help = help.or_else(|| flat_name(&name));
                return Err(BadTemplate::UnknownName {
                    name: root.to_owned(),
                    suggestion: match help {
                        Some(_) => None,
                        None => nearest(root, known()).map(str::to_owned),
                    },
                    help,
                    span,
                });
            }
        }
        Ok(())
    }
}

/// `name`, when `source` is nothing but `{{ name }}` with a signal's field.
fn plain_name(source: &str) -> Option<&str> {
    let name = source.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    FIELD_NAMES.contains(&name).then_some(name)
}

/// The value at the dotted `name` in `context`.
fn look_up<'a>(context: &'a TemplateContext, name: &str) -> Option<&'a serde_json::Value> {
    let mut parts = name.split('.');
    let mut value = context.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value)
}

/// Gives the dotted `name` the value in `context`.
fn fill(context: &mut TemplateContext, name: &str, value: serde_json::Value) {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    if rest.is_empty() {
        context.insert(first.to_owned(), value);
        return;
    }
    let inner = context
        .entry(first)
        .or_insert_with(|| TemplateContext::new().into());
    if let Some(inner) = inner.as_object_mut() {
        fill(inner, rest, value);
    }
}

/// The line of the template in which the error is.
fn line_of(source: &str, error: &minijinja::Error) -> Option<Range<usize>> {
    let number = error.line()?.checked_sub(1)?;
    let start: usize = source
        .split_inclusive('\n')
        .take(number)
        .map(str::len)
        .sum();
    let line = source.get(start..)?.lines().next()?;
    let blank = line.len() - line.trim_start().len();
    Some(start + blank..start + line.trim_end().len().max(blank))
}

fn problem_of(error: &minijinja::Error) -> String {
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) if line > 1 => format!("{detail} (line {line})"),
        _ => detail,
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Template({:?})", self.source)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn context() -> TemplateContext {
        let serde_json::Value::Object(map) = json!({
            "queue_name": "Billing & Tier 1", "wait_time_avg": 412.5, "severity": "high",
            "labels": {}, "incident": {"occurrences": 3},
        }) else {
            unreachable!("a literal object")
        };
        map
    }

    fn render(source: &str) -> Result<String, RenderError> {
        Template::parse(source).unwrap().render(&context())
    }

    #[test]
    fn values_are_written_as_they_are() {
        assert_eq!(
            render("{{ queue_name }}: {{ wait_time_avg }} s, {{ incident.occurrences }}").unwrap(),
            "Billing & Tier 1: 412.5 s, 3"
        );
    }

    #[test]
    fn in_a_template_of_markup_a_value_is_text() {
        assert_eq!(
            render("[code]<b>{{ queue_name }}</b>[/code]").unwrap(),
            "[code]<b>Billing &amp; Tier 1</b>[/code]"
        );
    }

    #[test]
    fn g19_a_missing_value_is_an_error_that_names_it() {
        let error = render("{{ queue_name }} on {{ trunk_name }}").unwrap_err();
        assert_eq!(error.problem, "missing value: trunk_name");
        assert_eq!(
            render("{{ incident.recovered_at }}").unwrap_err().problem,
            "missing value: incident.recovered_at"
        );
    }

    #[test]
    fn alternatives_are_taken_where_a_value_is_missing() {
        assert_eq!(
            render("{{ queue_id or queue_name }}").unwrap(),
            "Billing & Tier 1"
        );
        assert_eq!(render("{{ labels.site or 'all' }}").unwrap(), "all");
        assert_eq!(
            render("{{ {'critical': 1, 'high': 2}[severity] or 3 }}").unwrap(),
            "2"
        );
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        assert_eq!(
            Template::parse("{{ queue_nmae }}"),
            Err(BadTemplate::UnknownName {
                name: "queue_nmae".into(),
                suggestion: Some("queue_name".into()),
                help: None,
                span: Some(3..13),
            })
        );
        for (source, meant) in [
            ("{{ queue.id }}", "write {{ queue_id }}"),
            ("{{ event.queue_id }}", "write {{ queue_id }}"),
            ("{{ event.queue.name }}", "write {{ queue_name }}"),
        ] {
            let Err(BadTemplate::UnknownName {
                help, suggestion, ..
            }) = Template::parse(source)
            else {
                panic!("{source} is refused")
            };
            assert_eq!(
                (help.as_deref(), suggestion),
                (Some(meant), None),
                "{source}"
            );
        }
    }

    #[test]
    fn a_value_with_an_alternative_is_not_blamed() {
        let error = render("{{ trunk_name or queue_name }}: {{ status_detail }}").unwrap_err();
        assert_eq!(error.problem, "missing value: status_detail");
        let error = render("{{ trunk_name or edge_name }}").unwrap_err();
        assert_eq!(error.problem, "missing value: edge_name, trunk_name");
    }

    #[test]
    fn an_unknown_filter_or_test_is_refused_with_the_nearest_known_one() {
        let Err(BadTemplate::UnknownFilter {
            name,
            suggestion,
            span,
        }) = Template::parse("{{ queue_name }} {{ wait_time_avg|rond }}")
        else {
            panic!("it is refused")
        };
        assert_eq!((&*name, suggestion, span), ("rond", Some("round"), 34..38));
        assert!(matches!(
            Template::parse("{% if queue_name is defind %}x{% endif %}"),
            Err(BadTemplate::UnknownTest {
                suggestion: Some("defined"),
                ..
            })
        ));
        for known in FILTERS {
            let source = format!("{{{{ queue_name|{known} }}}}");
            let known_or_absent = ["pprint", "urlencode"].contains(known);
            assert!(
                known_or_absent || Template::parse(&source).is_ok(),
                "{known}"
            );
        }
        for known in TESTS {
            let source = format!("{{% if queue_name is {known} %}}{{% endif %}}");
            assert!(Template::parse(&source).is_ok(), "{known}");
        }
    }

    #[test]
    fn bad_syntax_is_refused() {
        assert!(matches!(
            Template::parse("{{ queue_name"),
            Err(BadTemplate::Syntax { .. })
        ));
    }
}
