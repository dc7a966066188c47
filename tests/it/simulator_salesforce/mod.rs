//! The Salesforce simulator over real HTTP: the behaviours that a client depends on.

mod access;
mod batching;
mod describing;
mod faults;
mod org;
mod querying;
mod upserting;
mod writing;
