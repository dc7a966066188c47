//! Commands on the admin API. Each file has one command; `call` knows how to ask and how to print
//! what comes back.

mod acting;
mod arguments;
mod call;
mod cards;
mod dead_letters;
mod incident;
mod incidents;
mod person;
mod printing;
mod records;
mod replay;
mod review;
mod silences;
mod status;
mod targets;
mod why;

pub(super) use dead_letters::{DeadLetterArgs, dead_letters};
pub(super) use incidents::{IncidentArgs, incidents};
pub(super) use records::{
    AuditArgs, DeliveryArgs, EventArgs, LockArgs, audit, deliveries, events, locks,
};
pub(super) use review::{ReviewArgs, review};
pub(super) use silences::{SilenceArgs, silences};
pub(super) use status::{StatusArgs, status};
pub(super) use targets::{TargetArgs, targets};
pub(super) use why::{WhyArgs, why};
