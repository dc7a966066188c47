//! The real binary, end to end: webhooks in over HTTP, tickets out in the simulated CRMs,
//! with everything between them dying, stalling or lying.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod crashes;
mod deliveries;
mod outage_people;
mod outages;
mod people;
#[path = "../ports/mod.rs"]
mod ports;
mod severity;
mod site;
mod tickets;
mod world;
