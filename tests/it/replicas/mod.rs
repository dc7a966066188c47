//! Several daemons on one PostgreSQL, each a process of its own, behind a client that spreads
//! its requests; killed, paused and cut off. The server is the one that
//! `RINGDOWN_TEST_POSTGRES` names (`tests/with_postgres` starts one); without it these tests
//! say that they were skipped.
mod alone;
mod campaign;
mod cluster;
mod crashed;
mod cut_off;
mod database;
mod failover;
mod flapping;
mod killed;
mod lanes;
#[cfg(feature = "fault-points")]
mod migrations;
mod outages;
mod own_trouble;
mod paused;
mod polling;
mod proxy;
mod races;
mod refused;
mod repetitions;
mod replica;
mod server;
mod silences;
mod stopped_changes;
mod storm;
mod together;
mod tokens;
