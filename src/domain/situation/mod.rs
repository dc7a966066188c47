//! What is going on, in words: the one sentence about the situation, why an incident has no ticket,
//! and why an event opened none. The API, the command line and the pages use the same words. Pure.

mod age;
mod badness;
mod entity;
mod no_ticket;
mod overview;
mod ticket_state;
mod unmet;
mod why;

pub use age::age;
pub use badness::{badness, excess};
pub use entity::Entity;
pub use no_ticket::{OutageFact, why_it_waits};
pub use overview::{Overview, PeopleNeeded, TargetInTrouble};
pub use ticket_state::ticket_state;
pub use unmet::{NumberRelation, RuleSight, Sight, Unmet, why_no_rule};
pub use why::{EventFate, RuleVerdict, TicketFact, Unspoken, why_event, why_incident};
