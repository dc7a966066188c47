//! Spans of time that do not fit together, or are too short for what they are for.

use std::time::Duration;

use crate::domain::trouble::OWN_RULE;
use crate::settings::{OutageSettings, Problem, RuleSettings, Settings, SourceSettings};

const SECOND: Duration = Duration::from_secs(1);

/// Clocks differ by some seconds, an event needs some to arrive, and senders repeat what was not
/// answered for minutes.
const LEAST_AGE: Duration = Duration::from_secs(60);

/// What keeps a ticket or a comment back for longer keeps it back for good.
const MOST_LOCK: Duration = Duration::from_secs(7 * 86_400);

/// Messages about one thing come every few seconds to a minute.
const LEAST_QUIET: Duration = Duration::from_secs(10);

const NO_TICKET: &str = "trouble that comes back in this time waits without a ticket of its own";
const NO_COMMENT: &str = "hardly any ticket is open long enough for a comment";

/// Warns of spans that cannot do what they are for.
pub(super) fn check(settings: &Settings, found: &mut Vec<Problem>) {
    for rule in settings.rules.iter().filter(|rule| rule.name != OWN_RULE) {
        Spans::of(format!("rules.{}", rule.name), found).of_rule(rule, settings);
    }
    for (name, outage) in &settings.outages {
        Spans::of(format!("outages.{name}"), found).of_outage(outage);
    }
    for (name, source) in &settings.sources {
        Spans::of(format!("sources.{name}"), found).of_source(source);
    }
    let mut entities = Spans::of("entities".to_owned(), found);
    let minute = Duration::from_secs(60);
    let forgotten = "what is told of a thing is forgotten before the next message about it";
    entities.at_least(
        "forget_after",
        settings.entities.forget_after,
        minute,
        forgotten,
    );
}

/// The spans of one table.
struct Spans<'f> {
    table: String,
    found: &'f mut Vec<Problem>,
}

impl<'f> Spans<'f> {
    const fn of(table: String, found: &'f mut Vec<Problem>) -> Self {
        Self { table, found }
    }

    fn warn(&mut self, key: &str, reason: String, help: String) {
        let path = format!("{}.{key}", self.table);
        self.found
            .push(Problem::warning(path, reason).with_help(help));
    }

    /// Warns of a span, other than none, that is shorter than `least`: then `effect`.
    fn at_least(&mut self, key: &str, span: Duration, least: Duration, effect: &str) {
        if span.is_zero() || span >= least {
            return;
        }
        let reason = format!("{} is too short: {effect}", shown(span));
        self.warn(key, reason, format!("write at least \"{}\"", shown(least)));
    }

    /// Warns of a span that is longer than [`MOST_LOCK`]: then `effect`.
    fn at_most(&mut self, key: &str, span: Duration, effect: &str) {
        if span > MOST_LOCK {
            let reason = format!("{} is very long: {effect}", shown(span));
            self.warn(
                key,
                reason,
                "write some minutes or hours, such as \"1h\"".to_owned(),
            );
        }
    }

    fn of_rule(&mut self, rule: &RuleSettings, settings: &Settings) {
        let forgotten = settings.entities.forget_after;
        if let Some(fresh) = rule.fresh {
            let effect = "the readings of two messages never count together";
            self.at_least("fresh", fresh, SECOND, effect);
            if fresh > forgotten {
                let forgotten = shown(forgotten);
                let reason = format!(
                    "is longer than `entities.forget_after` ({forgotten}), after which nothing is known"
                );
                self.warn("fresh", reason, format!("write at most \"{forgotten}\""));
            }
        }
        let quiet = rule.quiet_after;
        if rule.hold_for > quiet {
            let reason = format!(
                "is longer than `quiet_after` ({}): where no event repeats the breach, it is over before a ticket is opened",
                shown(quiet)
            );
            let help = format!("make `quiet_after` longer than {}", shown(rule.hold_for));
            self.warn("for", reason, help);
        }
        if rule.clear_for >= quiet {
            let reason = format!(
                "is not shorter than `quiet_after` ({}), which ends the incident first",
                shown(quiet)
            );
            let help = format!("make `quiet_after` longer than {}", shown(rule.clear_for));
            self.warn("clear_for", reason, help);
        }
        let over = "an incident is over before the next message can repeat the breach";
        self.at_least("quiet_after", quiet, LEAST_QUIET, over);
        let no_effect = "it has no effect";
        self.at_least("for", rule.hold_for, SECOND, no_effect);
        self.at_least("clear_for", rule.clear_for, SECOND, no_effect);
        self.at_least("burst_lock", rule.burst_lock, SECOND, no_effect);
        let each = "every message becomes a comment";
        self.at_least("update_every", rule.update_every, SECOND, each);
        self.at_most("burst_lock", rule.burst_lock, NO_TICKET);
        self.at_most("update_every", rule.update_every, NO_COMMENT);
        if rule.at_least > 1 {
            let together = "so many signals never come together";
            self.at_least("within", rule.within, SECOND, together);
        }
        if let Some(flapping) = &rule.flapping {
            let never = "trouble never starts so often in this time";
            self.at_least("flapping.within", flapping.within, SECOND, never);
            self.at_least("flapping.calm", flapping.quiet_period, SECOND, no_effect);
        }
    }

    fn of_outage(&mut self, outage: &OutageSettings) {
        let together = "incidents never begin so close together";
        self.at_least("within", outage.within, SECOND, together);
        let no_effect = "it has no effect";
        self.at_least("hold", outage.hold, SECOND, no_effect);
        self.at_least("burst_lock", outage.burst_lock, SECOND, no_effect);
        let each = "every member becomes a comment";
        self.at_least("update_every", outage.update_every, SECOND, each);
        self.at_most("burst_lock", outage.burst_lock, NO_TICKET);
        self.at_most("update_every", outage.update_every, NO_COMMENT);
        if outage.hold > outage.within {
            let reason = format!(
                "is longer than `within` ({}): tickets wait, and no outage can form any more",
                shown(outage.within)
            );
            let help = format!("write at most \"{}\"", shown(outage.within));
            self.warn("hold", reason, help);
        }
    }

    fn of_source(&mut self, source: &SourceSettings) {
        if let Some(max_age) = source.max_age {
            let older = "events are older when they arrive, and open no ticket";
            self.at_least("max_age", max_age, LEAST_AGE, older);
        }
        if let Some(every) = source.expect_every {
            let silent = "a source is silent for longer between two events";
            self.at_least("expect_every", every, SECOND, silent);
        }
        let calm = source.max_new_incidents.quiet_period;
        self.at_least("max_new_incidents.calm", calm, SECOND, "it has no effect");
    }
}

fn shown(span: Duration) -> String {
    humantime::format_duration(span).to_string()
}
