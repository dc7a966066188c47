//! Why a rule did not speak of an event, in words: the comparison that does not hold comes first.

/// A comparison of a rule's `when` that does not hold for an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Unmet {
    /// A number on the wrong side of its bound, or not equal to it.
    Number {
        name: String,
        value: f64,
        relation: NumberRelation,
        bound: f64,
        /// `s` for seconds, or nothing.
        unit: &'static str,
    },
    /// A text that is none of those that are wanted.
    NotOneOf {
        name: String,
        value: String,
        wanted: Vec<String>,
    },
    /// A text that the rule leaves out.
    Excluded { name: String, value: String },
    /// Something else; the rule's own words.
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberRelation {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    Different,
}

impl NumberRelation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::AtLeast => "at least",
            Self::Below => "below",
            Self::AtMost => "at most",
            Self::Equal => "equal to",
            Self::Different => "different from",
        }
    }
}

/// What one configured rule makes of an event, looked at alone.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSight {
    pub rule: String,
    pub saw: Sight,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// It looks at no events of this type.
    OtherType,
    /// It looks at no events of this source.
    OtherSource,
    /// The event lacks these values, which `when` reads.
    Missing(Vec<String>),
    /// Neither a rule nor the catalogue knows the status.
    UnknownStatus(String),
    /// `when` does not hold, for these reasons.
    Unmet(Vec<Unmet>),
    Breach,
    Failed(String),
}

/// Rules that one sentence names.
const MAX_NAMED: usize = 3;
/// Texts that one sentence names.
const MAX_WANTED: usize = 5;

/// Why no rule said anything about an event of this type and source.
pub fn why_no_rule(sights: &[RuleSight], event_type: Option<&str>, source: &str) -> String {
    let breach = sights.iter().find(|one| one.saw == Sight::Breach);
    if let Some(RuleSight { rule, .. }) = breach {
        return format!(
            "No ticket: no rule said anything about it when it was decided. By the present \
             configuration rule {rule} calls it a breach."
        );
    }
    let mut told: Vec<&RuleSight> = sights.iter().filter(|one| one.looked()).collect();
    told.sort_by_key(|one| one.weight());
    if told.is_empty() {
        let what = event_type.map_or_else(String::new, |name| format!(" of type {name}"));
        return format!("No ticket: no rule looks at events{what} from source {source}.");
    }
    let words = told.iter().take(MAX_NAMED).map(|one| {
        let said = one.words();
        format!("{said} (rule {})", one.rule)
    });
    let mut text = words.collect::<Vec<_>>().join("; ");
    if told.len() > MAX_NAMED {
        text.push_str(&format!("; and {} more rules", told.len() - MAX_NAMED));
    }
    format!("No ticket: {text}.")
}

impl RuleSight {
    /// Whether the rule looks at such events.
    pub fn looked(&self) -> bool {
        !matches!(self.saw, Sight::OtherType | Sight::OtherSource)
    }

    const fn weight(&self) -> u8 {
        match self.saw {
            Sight::Failed(_) => 0,
            Sight::Unmet(_) | Sight::Breach => 1,
            Sight::UnknownStatus(_) => 2,
            _ => 3,
        }
    }

    /// What the rule makes of it: `260 s is not above 300 s`.
    pub fn words(&self) -> String {
        match &self.saw {
            Sight::OtherType => "it looks at no events of this type".to_owned(),
            Sight::OtherSource => "it looks at no events of this source".to_owned(),
            Sight::Missing(names) => format!("the event does not carry {}", names.join(", ")),
            Sight::UnknownStatus(status) => {
                format!("neither a rule nor the catalogue knows the status {status:?}")
            }
            Sight::Unmet(unmet) => {
                let is_only = unmet.len() == 1;
                let words: Vec<String> = unmet.iter().map(|one| one.words(is_only)).collect();
                match words.is_empty() {
                    true => "`when` does not hold".to_owned(),
                    false => words.join(", and "),
                }
            }
            Sight::Breach => "it is a breach".to_owned(),
            Sight::Failed(problem) => problem.clone(),
        }
    }
}

impl Unmet {
    /// Seconds that stand alone need no name.
    fn words(&self, is_only: bool) -> String {
        match self {
            Self::Number {
                name,
                value,
                relation,
                bound,
                unit,
            } => {
                let name = match is_only && !unit.is_empty() {
                    true => String::new(),
                    false => format!("{name} "),
                };
                let unit = match *unit {
                    "" => String::new(),
                    unit => format!(" {unit}"),
                };
                let relation = relation.as_str();
                format!(
                    "{name}{}{unit} is not {relation} {}{unit}",
                    number(*value),
                    number(*bound)
                )
            }
            Self::NotOneOf {
                name,
                value,
                wanted,
            } => match wanted.as_slice() {
                [only] => format!("{name} is {value:?}, not {only:?}"),
                several => {
                    let shown = several
                        .iter()
                        .take(MAX_WANTED)
                        .map(|one| format!("{one:?}"));
                    let more = match several.len() > MAX_WANTED {
                        true => ", …",
                        false => "",
                    };
                    let shown: Vec<String> = shown.collect();
                    format!("{name} is {value:?}, none of {}{more}", shown.join(", "))
                }
            },
            Self::Excluded { name, value } => format!("{name} {value:?} is excluded"),
            Self::Other(source) => format!("`{source}` does not hold"),
        }
    }
}

/// With two digits at most, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(value: f64) -> Unmet {
        Unmet::Number {
            name: "queue.waitTime.avg".into(),
            value,
            relation: NumberRelation::Above,
            bound: 300.0,
            unit: "s",
        }
    }

    fn sight(rule: &str, saw: Sight) -> RuleSight {
        RuleSight {
            rule: rule.into(),
            saw,
        }
    }

    #[test]
    fn the_reading_the_threshold_and_the_rule_are_said() {
        let sights = [
            sight("trunk-down", Sight::OtherType),
            sight("queue-wait", Sight::Unmet(vec![wait(260.0)])),
        ];
        assert_eq!(
            why_no_rule(&sights, None, "genesys"),
            "No ticket: 260 s is not above 300 s (rule queue-wait)."
        );
    }

    #[test]
    fn what_is_left_out_is_said_beside_what_holds_not() {
        let excluded = Unmet::Excluded {
            name: "queue_name".into(),
            value: "Test".into(),
        };
        let both = sight("queue-wait", Sight::Unmet(vec![wait(20.5), excluded]));
        assert_eq!(
            both.words(),
            "queue.waitTime.avg 20.5 s is not above 300 s, and queue_name \"Test\" is excluded"
        );
        let missing = sight("agents", Sight::Missing(vec!["queue.agents.count".into()]));
        assert_eq!(
            why_no_rule(&[missing, both], None, "genesys"),
            "No ticket: queue.waitTime.avg 20.5 s is not above 300 s, and queue_name \"Test\" is \
             excluded (rule queue-wait); the event does not carry queue.agents.count (rule agents)."
        );
    }

    #[test]
    fn an_event_that_no_rule_looks_at_says_so() {
        let sights = [sight("trunk-down", Sight::OtherType)];
        assert_eq!(
            why_no_rule(&sights, Some("telephony.queue.waiting"), "genesys"),
            "No ticket: no rule looks at events of type telephony.queue.waiting from source genesys."
        );
    }

    #[test]
    fn a_breach_by_todays_rules_is_no_reason() {
        let told = why_no_rule(&[sight("queue-wait", Sight::Breach)], None, "genesys");
        assert!(
            told.contains("By the present configuration rule queue-wait"),
            "{told}"
        );
    }
}
