//! `ringdown migrate`: brings the database up to date.

use std::process::ExitCode;

use super::outcome::{Failed, Outcome};
use super::{Global, config, print};
use crate::store::Store;

/// Applies the migrations that are missing.
pub(super) async fn run(global: &Global) -> Outcome {
    let loaded = config::load(global)?;
    let store = Store::open(loaded.settings.store.url.expose())
        .await
        .map_err(|error| Failed::not_fine(error.to_string()))?;
    store.close().await;
    print("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}
