//! The command line as people and scripts meet it: the real binary, its exit status, what it
//! prints where.
mod asking;
mod catalogue;
mod checking;
mod checking_documents;
mod checking_form;
mod checking_idle;
mod checking_offers;
mod checking_values;
mod checking_words;
mod example;
mod explaining;
mod hostile_json;
mod showing;
mod silencing;
mod storming;
mod usage;
mod world;
