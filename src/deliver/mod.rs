//! Delivering: sends the enqueued deliveries of a target, in order per ticket, until each one is
//! confirmed or a dead letter.
//!
//! `run` is the loop of one target and the top of the folder; `turns` says what a step claims; `send`
//! claims deliveries and makes their attempts; `attempt` is one attempt; `outcome` stores its result
//! and `report` logs it; `abandon` puts back what nobody sends any more; `own_ticket` checks which
//! ticket an answer names; `alone` finds deliveries that fail alone; `observe` stores what attempts
//! show besides; `unread` finds tickets that a create was answered with and that do not exist;
//! `recovery` brings a target back; `completion` sets fields that the CRM refused at the create;
//! `health` shares with other replicas whether it is reachable, and `changes_stop` whether it takes new
//! tickets only; `login_turn` says which of them sends a refused password; `worker` holds their common
//! state. Every decision about a failure is made in `domain`.

mod abandon;
mod achieved;
mod alone;
mod attempt;
mod changes_stop;
mod claims;
mod clock_watch;
mod completion;
mod evidence;
mod health;
mod in_flight;
mod login_turn;
mod observe;
mod omission;
mod outcome;
mod own_ticket;
mod recovery;
mod refusals;
mod refused_changes;
mod report;
mod run;
mod send;
mod shared;
mod turns;
mod unnumbered;
mod unread;
mod vault;
mod worker;

pub use alone::Troubled;
pub use refused_changes::RefusedOperation;
pub use shared::TargetStatus;
pub use vault::StoreVault;
pub use worker::{Stop, TargetWorker};
