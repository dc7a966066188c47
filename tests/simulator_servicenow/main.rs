//! The ServiceNow simulator over real HTTP: the behaviours that a client depends on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod changing;
mod faults;
mod inserting;
mod instance;
mod querying;
