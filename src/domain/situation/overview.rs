//! The one sentence that sums the situation up.

use super::{Entity, age};
use crate::domain::time::Timestamp;

/// What the sentence is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// How many of each kind are in trouble. An outage stands for its members.
    pub troubled: Vec<(Entity, u64)>,
    /// Of these, with a ticket.
    pub ticketed: u64,
    /// Of these, without the ticket that they should have.
    pub without_ticket: u64,
    /// Of these, those whose ticket waits on purpose: silenced, too short, inside a burst lock.
    pub held_back: u64,
    /// Recovered, and not closed yet.
    pub recovered: u64,
    /// Targets that accept no writes.
    pub targets: Vec<TargetInTrouble>,
    pub people: PeopleNeeded,
    /// Parts of the process that do not work, and why.
    pub broken: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetInTrouble {
    pub name: String,
    /// `paused`, `held`, `circuit_open` or `paused_by_person`.
    pub state: &'static str,
    /// The person who has paused it, and why.
    pub paused: Option<(String, String)>,
    pub since: Option<Timestamp>,
    /// Tickets that wait to be created there.
    pub tickets: u64,
    /// Other writes that wait.
    pub updates: u64,
    /// Its last probe, a read, succeeded.
    pub answers_reads: bool,
    /// It answers reads, and only the ticket of this name was tried since.
    pub only_tried: Option<String>,
}

/// What waits for a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeopleNeeded {
    pub dead_letters: u64,
    /// Tickets, and changes of them, that are refused alone.
    pub refused_alone: u64,
    pub review_items: u64,
    /// Incidents that floods hold back.
    pub held_by_floods: u64,
    /// Tickets that lack fields which the CRM refused.
    pub incomplete: u64,
}

impl Overview {
    pub fn sentence(&self, now: Timestamp) -> String {
        let mut parts: Vec<String> = self
            .broken
            .iter()
            .map(|(name, why)| format!("{name} is down: {why}"))
            .collect();
        parts.extend(self.trouble());
        parts.extend(self.targets.iter().map(|target| target.sentence(now)));
        parts.extend(self.people.sentence());
        parts.extend(self.people.incomplete_sentence());
        match (parts.is_empty(), self.troubled_count()) {
            (true, _) if self.recovered > 0 => format!(
                "Nothing is in trouble, and nothing waits; {} recovered, and may breach again",
                match self.recovered {
                    1 => "1 incident has".to_owned(),
                    count => format!("{count} incidents have"),
                }
            ),
            (true, _) => "All is well: nothing is in trouble, and nothing waits".to_owned(),
            (false, 0) => format!("Nothing is in trouble; {}", parts.join("; ")),
            (false, _) => parts.join("; "),
        }
    }

    fn troubled_count(&self) -> u64 {
        self.troubled.iter().map(|(_, count)| count).sum()
    }

    fn trouble(&self) -> Option<String> {
        let mut kinds = self.troubled.clone();
        kinds.retain(|(_, count)| *count > 0);
        kinds.sort_unstable();
        let things: Vec<String> = kinds
            .iter()
            .map(|(kind, count)| kind.counted(*count))
            .collect();
        let things = listed(&things)?;
        Some(format!("{things} in trouble, {}", self.tickets()))
    }

    fn tickets(&self) -> String {
        let all = self.ticketed + self.without_ticket + self.held_back;
        let word = match all {
            1 => "",
            2 => "both ",
            _ => "all ",
        };
        let parts = [
            (self.ticketed, "ticketed"),
            (self.without_ticket, "without a ticket"),
            (self.held_back, "held back"),
        ];
        if let Some((_, what)) = parts.iter().find(|(count, _)| *count == all) {
            return format!("{word}{what}");
        }
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        parts.join(", ")
    }
}

impl TargetInTrouble {
    fn sentence(&self, now: Timestamp) -> String {
        let how = match (&self.paused, self.state) {
            (Some((by, _)), _) => &format!("paused by {by}"),
            (None, "circuit_open") if self.answers_reads || self.only_tried.is_some() => {
                "answers reads and takes no writes"
            }
            (None, "circuit_open") => "unreachable",
            (None, "held") => "held (a person must act)",
            (None, _) => "paused",
        };
        let mut text = format!("{} {how}", self.name);
        if let Some(since) = self.since {
            text.push_str(" for ");
            text.push_str(&age(now.since(since)));
        }
        if let Some((_, reason)) = &self.paused {
            text.push_str(&format!(" ({reason})"));
        }
        if let Some(name) = &self.only_tried {
            text.push_str(&format!(", only the ticket of {name} was tried"));
        }
        text.push_str(&match (self.tickets, self.updates) {
            (0, 0) => String::new(),
            (0, 1) => ", 1 update waits".to_owned(),
            (0, updates) => format!(", {updates} updates wait"),
            (1, _) => ", 1 ticket waits".to_owned(),
            (tickets, _) => format!(", {tickets} tickets wait"),
        });
        text
    }
}

impl PeopleNeeded {
    fn sentence(self) -> Option<String> {
        let counted = |count: u64, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let things: Vec<String> = [
            counted(self.dead_letters, "dead letter", "dead letters"),
            counted(self.refused_alone, "refused ticket", "refused tickets"),
            counted(
                self.review_items,
                "event that was not understood",
                "events that were not understood",
            ),
            counted(
                self.held_by_floods,
                "incident held by a flood",
                "incidents held by floods",
            ),
        ]
        .into_iter()
        .flatten()
        .collect();
        let all = self.dead_letters + self.refused_alone + self.review_items + self.held_by_floods;
        let is_one = all == 1;
        let verb = if is_one { "waits" } else { "wait" };
        listed(&things).map(|things| format!("{things} {verb} for a person"))
    }

    fn incomplete_sentence(self) -> Option<String> {
        match self.incomplete {
            0 => None,
            1 => Some("1 ticket is incomplete".to_owned()),
            count => Some(format!("{count} tickets are incomplete")),
        }
    }
}

/// `things` as a list in a sentence; `None` when there are none.
fn listed(things: &[String]) -> Option<String> {
    let (last, before) = things.split_last()?;
    Some(match before {
        [] => last.clone(),
        _ => format!("{} and {last}", before.join(", ")),
    })
}

#[cfg(test)]
#[path = "overview_tests.rs"]
mod tests;
