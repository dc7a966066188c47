//! The ServiceNow simulator over real HTTP: the behaviours that a client depends on.

mod access;
mod cases;
mod changing;
mod faults;
mod inserting;
mod instance;
mod querying;
