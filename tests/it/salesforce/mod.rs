//! The Salesforce client and OAuth, over real HTTP against the simulated org.

mod cases;
mod fields;
mod keeping;
mod people;
mod tickets;
mod tokens;
mod world;
