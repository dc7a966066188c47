//! `ringdown migrate`: brings the database up to date.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::outcome::{Failed, Outcome};
use super::{Global, Output, config, print, table};
use crate::store::{Store, StoreError};

/// Applies the migrations that are missing, and says which the database has.
pub(super) async fn run(global: &Global) -> Outcome {
    let loaded = config::load(global, config::Offline::default())?;
    let applied = migrate(loaded.settings.store.url.expose())
        .await
        .map_err(|error| Failed::not_fine(error.to_string()))?;
    let items: Vec<Value> = applied
        .into_iter()
        .map(|(version, description)| json!({"version": version, "description": description}))
        .collect();
    match global.output {
        Output::Json => print(&config::pretty(&json!({"migrations": items}))),
        Output::Table | Output::Wide => {
            let columns = [("migration", "/version"), ("what", "/description")];
            print(&table::render(&items, &columns));
            print("The database is up to date.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(url: &str) -> Result<Vec<(i64, String)>, StoreError> {
    let store = Store::open(url).await?;
    let applied = store.migrations().await;
    store.close().await;
    applied
}
