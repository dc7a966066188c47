//! The command line as people and scripts meet it: the real binary, its exit status, what it
//! prints where.
mod asking;
mod catalogue;
mod checking;
mod checking_form;
mod example;
mod explaining;
mod hostile_json;
mod showing;
mod silencing;
mod storming;
mod usage;
mod world;
