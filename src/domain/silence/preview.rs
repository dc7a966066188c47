//! What a silence would hit, and whether that is what was meant.

/// From so many keys on, a silence that hits most of them is worth a warning.
const MANY: usize = 10;

/// How many incidents and keys a silence hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SilenceHits {
    /// Incidents that go on.
    pub incidents: usize,
    /// Of these, those that have a ticket: it goes on.
    pub with_ticket: usize,
    /// Keys that had an incident in the last 24 hours, those that go on included.
    pub keys: usize,
    /// All keys that had one.
    pub keys_known: usize,
}

impl SilenceHits {
    /// What a person should know before the silence is made.
    pub fn warnings(self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.keys == 0 {
            warnings.push(
                "It hits nothing: no incident goes on that matches, and none began in the last 24 \
                 hours."
                    .to_owned(),
            );
        }
        if self.keys_known >= MANY && self.keys * 2 > self.keys_known {
            warnings.push(format!(
                "It hits {} of the {} keys that had trouble in the last 24 hours: more than half.",
                self.keys, self.keys_known
            ));
        }
        if self.with_ticket > 0 {
            let (tickets, go) = match self.with_ticket {
                1 => ("1 incident has its ticket", "goes"),
                _ => ("Some incidents have their tickets", "go"),
            };
            warnings.push(format!(
                "{tickets} already, which {go} on: a silence only keeps new tickets away."
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_nearly_everything_are_warned_about() {
        let hits = |keys, keys_known| SilenceHits {
            keys,
            keys_known,
            ..SilenceHits::default()
        };
        assert!(hits(0, 40).warnings()[0].starts_with("It hits nothing"));
        assert!(hits(2, 40).warnings().is_empty());
        assert!(hits(38, 40).warnings()[0].contains("38 of the 40 keys"));
        assert!(hits(2, 2).warnings().is_empty(), "two of two are no storm");
    }

    #[test]
    fn an_open_ticket_is_said_to_go_on() {
        let hits = SilenceHits {
            incidents: 1,
            with_ticket: 1,
            keys: 1,
            keys_known: 30,
        };
        assert_eq!(
            hits.warnings(),
            [
                "1 incident has its ticket already, which goes on: a silence only keeps new tickets away."
            ]
        );
    }
}
