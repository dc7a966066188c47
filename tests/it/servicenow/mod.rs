//! The ServiceNow client over real HTTP.

mod cases;
mod changing;
mod field_cases;
mod field_changes;
mod finding;
mod hidden_changes;
mod in_doubt;
mod instance;
mod logging_in;
mod naming;
mod opening;
mod refused;
mod simulator;
mod single;
mod table;
