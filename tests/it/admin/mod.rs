//! The admin listener from outside: real HTTP, a real database, every route of its table.
//!
//! With `RINGDOWN_TEST_POSTGRES` set to the URL of a server (its user may create databases),
//! everything runs on PostgreSQL instead of SQLite, each test in a database of its own.
mod acting;
mod actions;
mod forms;
mod guesses;
mod health;
mod hosts;
mod lists;
mod openapi;
mod pages;
mod roles;
mod schema;
mod silences;
mod sitting;
mod status;
mod values;
mod why;
mod world;
