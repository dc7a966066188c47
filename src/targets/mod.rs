//! Targets: the CRM clients behind one small trait.
//!
//! Each CRM has a folder, which `registry` names on one line. `docs/adding_a_crm.md` says how to
//! add one.
//!
//! Rotated refresh tokens must be durable: they go through [`TokenVault`], which the caller
//! provides.

mod charset;
mod claim;
mod connect;
mod crm;
mod driver;
#[cfg(test)]
mod example;
pub mod http;
pub(crate) mod inspect;
mod last_allowance;
mod login;
mod oauth;
mod pace;
mod password_gate;
mod registry;
mod retry_after;
mod salesforce;
pub(crate) mod servicenow;
mod unseen;
mod vault;

pub use crate::domain::ticket::TicketChange;
pub use claim::ClaimCheck;
pub use connect::{TargetSetupError, connect};
pub use crm::{Applied, ChangePage, Crm, SnapshotSet};
pub use driver::Connection;
pub use inspect::Inspect;
pub use login::{Credential, Login, StaticLogin, TokenStatus};
pub use pace::Pace;
pub use registry::profiles;
pub use servicenow::ServiceNow;
pub use vault::TokenVault;
