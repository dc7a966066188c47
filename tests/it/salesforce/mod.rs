//! The Salesforce client and OAuth, over real HTTP against the simulated org.

mod cases;
mod fields;
mod in_doubt;
mod keeping;
mod one_by_one;
mod people;
mod tickets;
mod tokens;
mod world;
