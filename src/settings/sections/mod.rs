//! The declarations of all settings, one file for each part of the configuration.

pub(crate) mod auth;
pub(crate) mod checks;
pub(crate) mod enrichment;
pub(crate) mod entities;
pub(crate) mod login;
pub(crate) mod maintenance;
pub(crate) mod mapping;
pub(crate) mod outages;
pub(crate) mod own_trouble;
pub(crate) mod root;
pub(crate) mod rules;
pub(crate) mod server;
pub(crate) mod sources;
pub(crate) mod store;
pub(crate) mod targets;
