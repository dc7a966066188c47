//! What is wrong with the simulated CRM for some time, and which calls it concerns.

use std::time::Duration;

use ringdown::domain::failure::{FailureScope, ResolvedBy};

use crate::simulation::crm::Request;
use crate::simulation::dice::Dice;
use crate::simulation::faults::{Fault, ORIGIN, PRIORITY, Refusal, login_refused};

/// Which calls a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Everything,
    Writes,
    Creates,
    /// The ticket whose create comes first.
    OneTicket,
    /// The record that is written to first.
    OneRecord,
    /// Creates that have this field.
    Field(&'static str),
}

/// What is wrong with a CRM for some time.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) about: About,
    /// Its answers; two of them take turns.
    pub(crate) answers: Vec<Fault>,
    pub(crate) lasts: Duration,
    /// The first write after it takes effect, and its response is lost.
    pub(crate) loses_canary: bool,
}

impl Condition {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        use FailureScope::{Organisation, Ticket, User};
        use ResolvedBy::{Nothing, PersonInCrm, Time};
        let plain = |scope, resolved_by| Fault::Classed(Refusal::plain(scope, resolved_by));
        let (about, answers) = match dice.below(12) {
            0 => (About::Writes, vec![plain(Organisation, Time)]),
            1 | 2 => (About::Creates, vec![plain(Ticket, Nothing)]),
            3 => (About::Everything, vec![login_refused()]),
            4 => {
                let answer = *dice.pick(&[
                    plain(Ticket, Nothing),
                    plain(FailureScope::Network, PersonInCrm),
                    Fault::ErrorBefore,
                ]);
                (About::OneTicket, vec![answer])
            }
            5 | 6 => {
                let field = *dice.pick(&[ORIGIN, PRIORITY]);
                let named = dice.chance(50).then_some(field);
                (About::Field(field), vec![Fault::FieldRefused(named)])
            }
            7 => {
                let resolved_by = *dice.pick(&[Time, PersonInCrm]);
                (About::OneRecord, vec![plain(Ticket, resolved_by)])
            }
            8 => {
                let wait = dice.seconds(&[0, 1, 120, 7200]);
                let wait = dice.chance(80).then_some(wait);
                (About::Everything, vec![Fault::Limited(wait)])
            }
            9 => (any_about(dice), vec![any_answer(dice), any_answer(dice)]),
            10 => (
                About::Everything,
                vec![plain(User, PersonInCrm), plain(Organisation, Time)],
            ),
            _ => (any_about(dice), vec![any_answer(dice)]),
        };
        Self {
            about,
            answers,
            lasts: dice.seconds(&[10, 60, 600, 3600]),
            loses_canary: dice.chance(30),
        }
    }

    /// A firewall dislikes the text of one ticket.
    pub(crate) fn one_is_refused_in_front() -> Self {
        let refusal = Refusal::plain(FailureScope::Network, ResolvedBy::PersonInCrm);
        Self {
            about: About::OneTicket,
            answers: vec![Fault::Classed(refusal)],
            lasts: Duration::from_secs(3600),
            loses_canary: false,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.answers.len() > 1 {
            return "condition: two answers take turns";
        }
        match (self.about, self.answers.first()) {
            (_, Some(Fault::Limited(_))) => "condition: rate limited",
            (_, Some(fault)) if *fault == login_refused() => "condition: the login is refused",
            (About::Everything, _) => "condition: every call fails",
            (About::Writes, _) => "condition: reads succeed and writes fail",
            (About::Creates, _) => "condition: every create is refused",
            (About::OneTicket, _) => "condition: one ticket is refused",
            (About::OneRecord, _) => "condition: one record is locked",
            (About::Field(_), _) => "condition: one field is refused",
        }
    }
}

fn any_about(dice: &mut Dice) -> About {
    *dice.pick(&[
        About::Everything,
        About::Writes,
        About::Writes,
        About::Creates,
        About::OneTicket,
        About::OneRecord,
    ])
}

/// An answer of any class; nothing hangs for a whole condition.
fn any_answer(dice: &mut Dice) -> Fault {
    match dice.below(10) {
        0 => Fault::ErrorBefore,
        1 => Fault::ErrorAfter,
        _ => Fault::Classed(Refusal::roll(dice)),
    }
}

/// A condition that lasts.
pub(crate) struct Lasting {
    pub(crate) condition: Condition,
    pub(crate) until: Duration,
    /// What it is about, once that has been asked for.
    subject: Option<String>,
    answered: usize,
}

impl Lasting {
    pub(crate) fn new(condition: Condition, now: Duration) -> Self {
        Self {
            until: now + condition.lasts,
            condition,
            subject: None,
            answered: 0,
        }
    }

    /// Its answer to `request`, if it is about it.
    pub(crate) fn answer(&mut self, request: &Request) -> Option<Fault> {
        let is_concerned = match (self.condition.about, request) {
            (About::Everything, _) => true,
            (About::Writes, _) => request.is_write(),
            (About::Creates, Request::Create(..)) => true,
            (About::Field(field), Request::Create(_, fields)) => {
                fields.iter().any(|name| name == field)
            }
            (About::OneTicket, Request::Create(key, _)) => self.is_subject(key.as_str()),
            (About::OneRecord, _) => request.record().is_some_and(|id| self.is_subject(id)),
            _ => false,
        };
        is_concerned.then(|| self.next_answer())
    }

    fn is_subject(&mut self, asked: &str) -> bool {
        self.subject.get_or_insert_with(|| asked.to_owned()) == asked
    }

    pub(crate) fn next_answer(&mut self) -> Fault {
        let answers = &self.condition.answers;
        let answer = answers[self.answered % answers.len()];
        self.answered += 1;
        answer
    }
}
