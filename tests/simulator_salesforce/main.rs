//! The Salesforce simulator over real HTTP: the behaviours that a client depends on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod batching;
mod describing;
mod faults;
mod org;
mod querying;
mod upserting;
mod writing;
