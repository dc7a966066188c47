//! The migrations, compiled into the program. Both databases have files of the same names.

use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

macro_rules! embed {
    ($($name:literal),+ $(,)?) => {
        pub(super) static SQLITE_MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| migrator(&[
            $(($name, include_str!(concat!("../../migrations/sqlite/", $name, ".sql")))),+
        ]));
        pub(super) static POSTGRES_MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| migrator(&[
            $(($name, include_str!(concat!("../../migrations/postgres/", $name, ".sql")))),+
        ]));
    };
}

// A list instead of the macro of sqlx, which reads the folder: that macro builds all of sqlx a
// second time, for the compiler.
embed![
    "0001_journal_incidents_outbox",
    "0003_known_keys",
    "0004_work_in_the_crm",
    "0006_outages",
    "0008_silences",
    "0009_target_health",
    "0010_flapping_and_timeline",
    "0011_own_trouble",
    "0013_links_by_outage",
    "0014_append_events",
    "0015_append_new_events_quicker",
    "0018_lanes",
    "0020_review_limit",
    "0021_floods",
    "0022_incident_queue",
    "0024_incident_events",
    "0025_dedup_window",
    "0026_parked_deliveries",
    "0027_target_conditions",
    "0028_rendered_targets",
    "0029_completions",
    "0030_paused_targets",
    "0033_entities",
    "0034_match_counts",
    "0037_worst_first",
    "0048_target_pauses",
    "0049_incident_requests",
    "0050_silenced_incidents",
    "0056_unknown_outcomes",
    "0057_after_look_up",
    "0058_learnt_of_targets",
    "0059_ticket_records",
    "0060_tries",
    "0064_short_ids_and_incomplete_tickets",
    "0065_activity_hours",
    "0066_event_places",
    "0067_lists_by_filter",
    "0068_members_of_outages",
    "0069_place_in_changes",
    "0070_ongoing_outages",
    "0078_deliveries_behind_others",
];

fn migrator(files: &[(&str, &'static str)]) -> Migrator {
    let migrations = files.iter().filter_map(|(name, sql)| {
        let (version, description) = name.split_once('_')?;
        Some(Migration::new(
            version.parse().ok()?,
            description.replace('_', " ").into(),
            MigrationType::Simple,
            SqlStr::from_static(sql),
            false,
        ))
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_both_folders_is_embedded() {
        for (folder, migrator) in [
            ("sqlite", &SQLITE_MIGRATIONS),
            ("postgres", &POSTGRES_MIGRATIONS),
        ] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("migrations")
                .join(folder);
            let files = std::fs::read_dir(folder).unwrap();
            let mut names: Vec<String> = files
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            let embedded: Vec<String> = migrator
                .iter()
                .map(|one| {
                    let description = one.description.replace(' ', "_");
                    format!("{:04}_{description}.sql", one.version)
                })
                .collect();
            assert_eq!(embedded, names, "the list in this file is not complete");
        }
    }
}
