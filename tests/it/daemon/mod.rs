//! The real binary, end to end: webhooks in over HTTP, tickets out in the simulated CRMs,
//! with everything between them dying, stalling or lying.
mod admin_access;
mod bad_input;
mod calls;
mod completing;
mod continuing;
mod crashes;
mod deliveries;
mod enriching;
mod entities;
mod examples;
mod failover;
#[cfg(feature = "fault-points")]
mod failover_told;
mod fairness;
mod flapping;
mod floods;
mod given_up;
mod liveness;
mod operators;
mod outage_people;
mod outages;
mod own_trouble;
mod people;
pub(crate) mod polling;
mod refused_changes;
mod restarts;
mod review_limit;
mod routing;
mod severity;
mod silences;
mod site;
mod sources;
mod tickets;
mod timeline;
mod topics;
mod wrapped;
