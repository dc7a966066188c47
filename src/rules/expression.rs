//! CEL expressions over a signal.
//!
//! A name that the signal does not carry makes the expression silent, not false: a metric
//! that is missing from a message is not zero.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelDouble, CelString, CelTimestamp};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::parser::Parser;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};
use chrono::DateTime;

use super::bounds::{Bound, bounds};
use super::call_forms::WrongCall;
use super::comparisons::{Comparisons, Operand};
use super::conjunction::Conjunction;
use super::direction::{ThresholdSide, directions};
use super::reads::Reads;
use super::rewrite::{self, HAS_LABEL, HAS_METRIC, LABEL, METRIC, SEPARATOR, reading_of};
use super::slip::{Slip, slip};
use super::{absent, failure, known_names, quotients};
use crate::domain::signal::{Field, Signal};
use crate::domain::time::Timestamp;

/// The functions of the language. It is large, and the same for every expression.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An expression of the configuration, parsed and checked.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    parsed: Arc<IdedExpr>,
    /// What the engine evaluates.
    evaluated: Arc<IdedExpr>,
    /// The conditions that must all hold and that are compared without the engine.
    conjunction: Arc<Conjunction>,
    /// The readings it looks up: metric, statistic, and both as one name.
    readings: Arc<[(String, String, String)]>,
    /// Which way its readings make it hold.
    threshold_sides: Arc<BTreeMap<String, ThresholdSide>>,
    /// The numbers that it holds readings against.
    bounds: Arc<[Bound]>,
    reads: Arc<Reads>,
}

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadExpression {
    /// It does not follow CEL's grammar.
    #[error("not a valid expression: {}", .0.message)]
    Syntax(Slip),
    /// It uses a name that no signal carries.
    #[error("unknown name `{name}`{}", suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownName {
        name: String,
        /// The known name most like it.
        suggestion: Option<&'static str>,
        span: Option<Range<usize>>,
    },
    /// It calls a function that there is not.
    #[error("unknown function `{name}`{}", suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownFunction {
        name: String,
        suggestion: Option<&'static str>,
        /// What to write instead.
        help: Option<String>,
        span: Option<Range<usize>>,
    },
    /// It calls a function in a form that the function has not.
    #[error("{}", .0.problem)]
    WrongCall(WrongCall),
    /// It uses `metrics` or `labels` in a way that is not a look-up.
    #[error("`{name}` is used by name: metrics[tWait].avg, labels.site")]
    NotALookup {
        name: String,
        span: Option<Range<usize>>,
    },
}

/// An expression that failed on a signal that carries everything it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}` cannot be evaluated: {problem}")]
pub struct EvaluationError {
    pub expression: String,
    pub problem: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The part of the expression that is at fault.
    pub part: Option<String>,
}

impl Expression {
    /// Parses `source` and checks every name in it.
    pub fn parse(source: &str) -> Result<Self, BadExpression> {
        let mut parsed = Parser::new()
            .parse(source)
            .map_err(|errors| BadExpression::Syntax(slip(source, &errors)))?;
        rewrite::rewrite(&mut parsed);
        known_names::check(source, &parsed)?;
        let parsed = Arc::new(parsed);
        let evaluated = match quotients::has_quotient(&parsed) {
            true => Arc::new(quotients::guarded(&parsed)),
            false => Arc::clone(&parsed),
        };
        Ok(Self {
            source: source.into(),
            evaluated,
            readings: readings_of(&parsed),
            threshold_sides: Arc::new(directions(&parsed)),
            bounds: bounds(&parsed).into(),
            reads: Arc::new(Reads::of(&parsed)),
            conjunction: Arc::new(Conjunction::of(&parsed)),
            parsed,
        })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The expression as it is evaluated, its names rewritten.
    pub(super) fn parsed(&self) -> &IdedExpr {
        &self.parsed
    }

    /// The values in `signal` of the readings that the expression looks up, by a name such as
    /// `queue.waitTime.avg`.
    pub fn readings<'e>(&'e self, signal: &'e Signal) -> impl Iterator<Item = (&'e str, f64)> {
        self.readings
            .iter()
            .filter_map(|(metric, statistic, name)| {
                let value = signal.metrics.get(metric)?.get(statistic)?;
                Some((name.as_str(), *value))
            })
    }

    /// The values that the answer depends on.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Which way readings make the expression hold, by a name such as `queue.waitTime.avg`.
    pub fn threshold_sides(&self) -> &BTreeMap<String, ThresholdSide> {
        &self.threshold_sides
    }

    /// What it compares with what.
    pub fn comparisons(&self) -> Comparisons {
        Comparisons::of(&self.parsed)
    }

    /// The numbers that it holds readings against.
    pub fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// A value that it reads only where it asks for it not to be there.
    pub fn read_where_absent(&self) -> Option<Operand> {
        absent::read_where_absent(&self.parsed)
    }

    /// The values that it divides by, and of which it does not ask whether they are 0.
    pub fn unguarded_divisors(&self) -> Vec<Operand> {
        quotients::unguarded(&self.parsed)
    }

    /// Whether the expression holds for `signal`, which came from `source`; `None` when the
    /// signal does not carry what the answer depends on.
    pub fn holds(&self, signal: &Signal, source: &str) -> Result<Option<bool>, EvaluationError> {
        match self.conjunction.holds(signal, source) {
            Some(holds) => Ok(Some(holds)),
            None if self.conjunction.is_one_reading() => Ok(None),
            None => self.evaluate(signal, source),
        }
    }

    /// Whether `part` of the expression holds; `None` when that is not known.
    pub(super) fn part_holds(
        &self,
        part: &IdedExpr,
        signal: &Signal,
        source: &str,
    ) -> Option<bool> {
        let resolver = SignalVariables { signal, source };
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.set_variable_resolver(&resolver);
        match context.resolve(&quotients::guarded(part)) {
            Ok(Value::Bool(holds)) => Some(holds),
            _ => None,
        }
    }

    fn evaluate(&self, signal: &Signal, source: &str) -> Result<Option<bool>, EvaluationError> {
        let resolver = SignalVariables { signal, source };
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.set_variable_resolver(&resolver);
        match context.resolve(&self.evaluated) {
            Ok(Value::Bool(holds)) => Ok(Some(holds)),
            Ok(other) => Err(self.failed(failure::no_verdict(&other))),
            Err(ExecutionError::NoSuchKey(_)) => Ok(None),
            // A function that the engine does not have is reported in the same way.
            Err(ExecutionError::UndeclaredReference(name)) if known_names::is_of_value(&name) => {
                Ok(None)
            }
            // Two numbers can be compared, unless one of them is none, such as the difference of two
            // that are infinite.
            Err(ExecutionError::NoSuchOverload(overload)) if failure::is_of_numbers(&overload) => {
                Ok(None)
            }
            Err(error) => Err(self.failed(failure::words(&error))),
        }
    }

    fn failed(&self, words: failure::Words) -> EvaluationError {
        EvaluationError {
            expression: self.source.to_string(),
            problem: words.problem,
            help: words.help,
            part: words.part,
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Expression({:?})", self.source)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

fn readings_of(parsed: &IdedExpr) -> Arc<[(String, String, String)]> {
    parsed
        .references()
        .variables()
        .into_iter()
        .filter_map(|name| {
            let (metric, statistic) = reading_of(name)?;
            let name = format!("{metric}.{statistic}");
            Some((metric.to_owned(), statistic.to_owned(), name))
        })
        .collect()
}

/// Looks names up in a signal, borrowing from it.
struct SignalVariables<'signal> {
    signal: &'signal Signal,
    source: &'signal str,
}

impl VariableResolver for SignalVariables<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if name.contains(SEPARATOR) {
            return self.resolve_rewritten(name);
        }
        if let Some(field) = self.signal.fields.get(name) {
            return Some(match field {
                Field::Text(text) => text_value(text),
                Field::Number(number) => CowVal::owned(CelDouble::from(*number)),
                Field::Flag(flag) => CowVal::owned(CelBool::from(*flag)),
            });
        }
        match name {
            "event_payload_id" => Some(text_value(&self.signal.event_payload_id)),
            "event_type" => Some(text_value(&self.signal.event_type)),
            "topic" => self.signal.topic.as_deref().map(text_value),
            "source" => Some(text_value(self.source)),
            "timestamp" => time_value(self.signal.occurred_at),
            _ => None,
        }
    }
}

impl SignalVariables<'_> {
    fn resolve_rewritten<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let (kind, rest) = name.split_once(SEPARATOR)?;
        let reading = || {
            let (metric, statistic) = rest.split_once(SEPARATOR)?;
            self.signal.metrics.get(metric)?.get(statistic).copied()
        };
        match kind {
            METRIC => reading().map(|number| CowVal::owned(CelDouble::from(number))),
            HAS_METRIC => Some(CowVal::owned(CelBool::from(reading().is_some()))),
            LABEL => self.signal.labels.get(rest).map(|text| text_value(text)),
            HAS_LABEL => Some(CowVal::owned(CelBool::from(
                self.signal.labels.contains_key(rest),
            ))),
            _ => None,
        }
    }
}

fn time_value<'b>(at: Timestamp) -> Option<CowVal<'b, 'b>> {
    let at = DateTime::from_timestamp_millis(at.as_millis())?;
    Some(CowVal::owned(CelTimestamp::from(at.fixed_offset())))
}

fn text_value(text: &str) -> CowVal<'_, '_> {
    CowVal::owned(CelString::from(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::signal::COMMON_NAMES;

    fn signal() -> Signal {
        let at = "2026-11-23T14:07:30.250Z".parse().unwrap();
        let mut signal = Signal::new("evt-1", "telephony.queue.waiting", at);
        let reading = |stat: &str, value| [(stat.to_owned(), value)].into();
        signal
            .metrics
            .insert("queue.waitTime".to_owned(), reading("avg", 412.5));
        signal
            .metrics
            .insert("oWaiting".to_owned(), reading("count", 20.0));
        signal.metrics.insert(
            "memory[physical].availableBytes".to_owned(),
            reading("value", 100.0),
        );
        signal.fields.insert("status", "DOWN".into());
        signal.labels.insert("site".into(), "FRA".into());
        signal
    }

    fn holds(source: &str) -> Option<bool> {
        let expression = Expression::parse(source).unwrap();
        expression.holds(&signal(), "genesys").unwrap()
    }

    #[test]
    fn g2_the_guides_filter_works_word_for_word() {
        assert_eq!(holds("metrics[queue.waitTime].avg > 300"), Some(true));
        assert_eq!(holds("metrics[queue.waitTime].avg > 412.5"), Some(false));
    }

    #[test]
    fn the_reading_of_one_row_is_found_in_each_spelling() {
        for name in [
            "memory[physical].availableBytes",
            "memory[\"physical\"].availableBytes",
            "\"memory[physical].availableBytes\"",
        ] {
            let low = format!("metrics[{name}].value <= 100");
            assert_eq!(holds(&low), Some(true), "{name}");
            let other = low.replace("physical", "virtual");
            assert_eq!(holds(&other), None, "{name}");
        }
        assert_eq!(
            holds("has(metrics[memory[physical].availableBytes].value)"),
            Some(true)
        );
    }

    #[test]
    fn a_whole_number_compares_with_a_reading() {
        assert_eq!(holds("metrics[oWaiting].count >= 20"), Some(true));
        assert_eq!(holds("metrics[oWaiting].count == 20"), Some(true));
        assert_eq!(holds("metrics[\"oWaiting\"].count > 20"), Some(false));
        assert_eq!(holds("metrics.oWaiting.count < 21"), Some(true));
    }

    proptest! {
        #[test]
        fn a_plain_comparison_holds_when_the_engine_says_so(
            bound in prop_oneof![
                (0_u32..40).prop_map(|number| number.to_string()),
                (0_u64..u64::try_from(i64::MAX).unwrap()).prop_map(|number| number.to_string()),
                (0.0..40.0_f64).prop_map(|number| format!("{number:?}")),
                Just("20.0".to_owned()),
            ],
            operator in prop_oneof![Just("<"), Just("<="), Just(">"), Just(">=")],
            reading in prop_oneof![
                Just("metrics[oWaiting].count"),
                Just("metrics[queue.waitTime].avg"),
                Just("metrics[oWaiting].missing"),
                Just("metrics.missing.count"),
            ],
        ) {
            let expression = Expression::parse(&format!("{reading} {operator} {bound}")).unwrap();
            let given = signal();
            prop_assert_eq!(
                expression.holds(&given, "genesys"),
                expression.evaluate(&given, "genesys")
            );
            let is_exact = bound.contains('.') || bound.parse::<i64>().unwrap() <= 1 << 53;
            prop_assert_eq!(expression.conjunction.is_one_reading(), is_exact);
        }
    }

    proptest! {
        /// Conditions that are compared without the engine, beside such that are not, joined in any
        /// way that the language has.
        #[test]
        fn conditions_joined_by_and_hold_when_the_engine_says_so(
            parts in prop::collection::vec(0_usize..CONDITIONS.len(), 1..5),
            brackets in any::<bool>(),
        ) {
            let mut texts = parts.iter().map(|part| CONDITIONS[*part].to_owned());
            let first = texts.next().unwrap();
            let source = texts.fold(first, |joined, one| match brackets {
                true => format!("{one} && ({joined})"),
                false => format!("{joined} && {one}"),
            });
            let expression = Expression::parse(&source).unwrap();
            let given = signal();
            prop_assert_eq!(
                expression.holds(&given, "genesys").ok(),
                expression.evaluate(&given, "genesys").ok(),
                "{}", source
            );
        }
    }

    const CONDITIONS: [&str; 16] = [
        "metrics[oWaiting].count > 10",
        "metrics[oWaiting].count > 30",
        "metrics[oWaiting].missing > 30",
        "status == 'DOWN'",
        "status == 'UP'",
        "'UP' == status",
        "status in ['UP', 'DOWN']",
        "status in ['UP', 'OK']",
        "labels.site == 'FRA'",
        "labels.site in ['MUC']",
        "labels.floor == '3'",
        "event_type == 'telephony.queue.waiting'",
        "source == 'other'",
        "queue_id == 'q1'",
        "has(labels.site)",
        "!(status == 'DOWN')",
    ];

    #[test]
    fn a_condition_that_does_not_hold_decides_whatever_else_is_missing() {
        assert_eq!(holds("queue_id == 'q1' && status == 'UP'"), Some(false));
        assert_eq!(holds("status == 'UP' && queue_id == 'q1'"), Some(false));
        assert_eq!(holds("queue_id == 'q1' && status == 'DOWN'"), None);
        assert_eq!(
            holds("status == 'DOWN' && labels.site == 'FRA'"),
            Some(true)
        );
    }

    #[test]
    fn a_missing_metric_is_silence_not_zero() {
        assert_eq!(holds("metrics[oOnQueueUsers].count < 3"), None);
        assert_eq!(
            holds("metrics[oWaiting].count >= 20 && metrics[oOnQueueUsers].count < 3"),
            None
        );
        assert_eq!(holds("metrics[oWaiting].max > 3"), None);
    }

    #[test]
    fn presence_can_be_asked_for() {
        assert_eq!(holds("has(metrics[oOnQueueUsers].count)"), Some(false));
        assert_eq!(holds("has(metrics[oWaiting].count)"), Some(true));
        assert_eq!(
            holds("has(labels.site) && labels.site == 'FRA'"),
            Some(true)
        );
    }

    #[test]
    fn text_fields_and_lists_work() {
        assert_eq!(
            holds(r#"status in ["DOWN", "OUT_OF_SERVICE", "DEGRADED"]"#),
            Some(true)
        );
        assert_eq!(holds("labels['site'] == 'MUC'"), Some(false));
        assert_eq!(holds("division_id == 'x'"), None);
    }

    #[test]
    fn the_source_and_the_time_of_the_event_are_there() {
        assert_eq!(holds("source == 'genesys'"), Some(true));
        assert_eq!(holds("source in ['carrier', 'test']"), Some(false));
        assert_eq!(
            holds("timestamp == timestamp('2026-11-23T14:07:30.250Z')"),
            Some(true)
        );
        assert_eq!(
            holds("timestamp.getHours('Europe/Berlin') < 15"),
            Some(false)
        );
        assert_eq!(
            holds("timestamp.getDayOfWeek() == 1 && metrics[oWaiting].count > 5"),
            Some(true)
        );
        assert_eq!(
            holds("timestamp - duration('1h') > timestamp('2026-11-23T13:07:30Z')"),
            Some(true)
        );
    }

    /// Whatever a name is that every event has, an expression sees it.
    #[test]
    fn every_common_name_resolves() {
        let mut signal = signal();
        signal.topic = Some("v2".to_owned());
        for name in COMMON_NAMES
            .iter()
            .filter(|name| !["metrics", "labels"].contains(name))
        {
            let expression = Expression::parse(&format!("{name} == {name}")).unwrap();
            assert_eq!(
                expression.holds(&signal, "genesys"),
                Ok(Some(true)),
                "{name}"
            );
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        assert_eq!(
            Expression::parse("statsu == 'DOWN'"),
            Err(BadExpression::UnknownName {
                name: "statsu".into(),
                suggestion: Some("status"),
                span: Some(0..6),
            })
        );
    }

    #[test]
    fn a_function_that_the_engine_does_not_have_is_an_error_and_no_missing_value() {
        let mut expression = Expression::parse("queue_name == status").unwrap();
        assert_eq!(expression.holds(&signal(), "genesys"), Ok(None));
        let parsed = Parser::new().parse("max(status) == status").unwrap();
        expression.conjunction = Arc::new(Conjunction::of(&parsed));
        expression.evaluated = Arc::new(parsed);
        let problem = expression.holds(&signal(), "genesys").unwrap_err().problem;
        assert_eq!(problem, "`max` does not exist in this form");
    }

    #[test]
    fn a_call_in_a_form_that_its_function_has_not_is_refused_with_the_right_one() {
        for (source, problem, help) in [
            (
                r#"contains(queue_name, "a, b")"#,
                "`contains` is called on a value",
                r#"queue_name.contains("a, b")"#,
            ),
            (
                "status == 'UP' && getHours(timestamp) < 8",
                "`getHours` is called on a value",
                "timestamp.getHours()",
            ),
            (
                "metrics[oWaiting].count.double() > 3",
                "`double` is not called on a value",
                "double(metrics[oWaiting].count)",
            ),
            (
                "uint('1') == 1u && (queue_name + 'a').int() > 3",
                "`int` is not called on a value",
                "int((queue_name + 'a'))",
            ),
            (
                "[1].all(queue_name)",
                "`all` takes 2 values in its brackets, and has 1",
                r#"["A", "B"].all(x, queue_name != x)"#,
            ),
            (
                "size(queue_name) > 1 && [1].exists(x, queue_name.size(x) > 1)",
                "`size` takes 0 values in its brackets, and has 1",
                "size(queue_name)",
            ),
            (
                "exists(['A', 'B'], x, queue_name == x)",
                "`exists` is called on a value",
                "['A', 'B'].exists(x, queue_name == x)",
            ),
            (
                "status.has()",
                "`has` is not called on a value",
                "has(status)",
            ),
            (
                "timestamp.getHours('UTC', 1) < 8",
                "`getHours` takes 0 or 1 values in its brackets, and has 2",
                r#"timestamp.getHours("Europe/Berlin")"#,
            ),
        ] {
            match Expression::parse(source) {
                Err(BadExpression::WrongCall(wrong)) => {
                    assert_eq!(wrong.problem, problem, "{source}");
                    assert_eq!(wrong.help, format!("write {help}"), "{source}");
                    let name = problem.split('`').nth(1);
                    assert_eq!(wrong.span.and_then(|span| source.get(span)), name);
                }
                other => panic!("{source}: {other:?}"),
            }
        }
    }

    #[test]
    fn bad_syntax_and_bare_maps_are_refused() {
        assert!(matches!(
            Expression::parse("metrics[queue.waitTime].avg >"),
            Err(BadExpression::Syntax(_))
        ));
        assert_eq!(
            Expression::parse("size(metrics) > 2"),
            Err(BadExpression::NotALookup {
                name: "metrics".into(),
                span: Some(5..12),
            })
        );
    }

    #[test]
    fn the_variable_of_a_macro_is_known_and_what_its_body_reads_is_counted() {
        for (source, expected) in [
            ("['UP', 'DOWN'].exists(x, status == x)", Some(true)),
            ("['UP', 'DOWN'].all(status, status != 'OK')", Some(true)),
            ("['UP', 'DOWN'].exists_one(x, x == status)", Some(true)),
            (
                "['UP', 'DOWN'].filter(x, status.startsWith(x)) == ['DOWN']",
                Some(true),
            ),
            (
                "['UP', 'DOWN'].map(x, x + '!').exists(y, y == status + '!')",
                Some(true),
            ),
            (
                "[5.0, 10.0].exists(x, [1.0].all(y, metrics[oWaiting].count > x * y))",
                Some(true),
            ),
            (
                "['UP'].exists(x, x == status) || metrics[oWaiting].count > 5",
                Some(true),
            ),
            ("[1, 2].exists(x, metrics[oOnQueueUsers].count < x)", None),
            ("['Billing'].exists(x, queue_name.startsWith(x))", None),
            ("['a'].exists(metrics, metrics == 'a')", Some(true)),
        ] {
            assert_eq!(holds(source), expected, "{source}");
        }
        let source =
            "['B', 'S'].exists(x, queue_name == x) && [1].all(x, metrics[oWaiting].count > x)";
        let reads = Expression::parse(source).unwrap().reads().clone();
        assert_eq!(Vec::from_iter(reads.names), ["queue_name"]);
        assert_eq!(Vec::from_iter(reads.metrics), ["oWaiting"]);
        assert_eq!(Vec::from_iter(reads.texts), ["B", "S"]);
        assert!(matches!(
            Expression::parse("['oWaiting'].exists(x, metrics[x].count > 5)"),
            Err(BadExpression::NotALookup { .. })
        ));
        assert!(matches!(
            Expression::parse("['UP'].exists(x, y == x)"),
            Err(BadExpression::UnknownName { name, .. }) if name == "y"
        ));
    }

    #[test]
    fn a_type_that_does_not_fit_is_an_error_not_false() {
        assert!(
            Expression::parse("status > 5")
                .unwrap()
                .holds(&signal(), "genesys")
                .is_err()
        );
        assert!(
            Expression::parse("status")
                .unwrap()
                .holds(&signal(), "genesys")
                .is_err()
        );
    }
}
