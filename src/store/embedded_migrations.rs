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
    "0071_unread_tickets",
    "0072_lost_creates",
    "0073_run_times",
    "0078_deliveries_behind_others",
    "0085_put_into_an_outage",
    "0086_event_chunks",
    "0087_floods_to_end",
    "0088_stopped_changes",
    "0090_tickets_not_shown",
    "0094_deliveries_by_lane",
    "0095_waiting_completions",
    "0097_worst_of_all",
    "0098_names_of_incidents",
    "0100_answers_not_shown",
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

    /// A table that SQLite builds anew keeps its rows, its indexes and its constraints.
    #[tokio::test]
    async fn requests_of_people_survive_that_their_table_is_built_anew() {
        use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let insert = |action: &str, request: &str| {
            AssertSqlSafe(format!(
                "insert into incident_requests (incident_id, action, words, requested_by, requested_at, \
                   request_id, state) values ('i', '{action}', 'why', 'ops', 1, '{request}', 'waiting')"
            ))
        };
        let before = include_str!("../../migrations/sqlite/0049_incident_requests.sql");
        database.execute(before).await.unwrap();
        database.execute(insert("close", "r-1")).await.unwrap();
        assert!(
            database
                .execute(insert("join_outage", "r-2"))
                .await
                .is_err()
        );
        let anew = include_str!("../../migrations/sqlite/0085_put_into_an_outage.sql");
        database.execute(anew).await.unwrap();
        let kept = database.fetch_one("select id, words, state from incident_requests");
        let kept = kept.await.unwrap();
        assert_eq!(
            (kept.get::<i64, _>(0), kept.get(1), kept.get(2)),
            (1, "why".to_owned(), "waiting".to_owned())
        );
        assert!(
            database.execute(insert("close", "r-1")).await.is_err(),
            "twice"
        );
        assert!(database.execute(insert("nonsense", "r-3")).await.is_err());
        database
            .execute(insert("join_outage", "r-2"))
            .await
            .unwrap();
        let indexes = "select count(*) from sqlite_schema where type = 'index' and sql is not null \
             and tbl_name = 'incident_requests'";
        let indexes = database.fetch_one(indexes).await.unwrap();
        assert_eq!(indexes.get::<i64, _>(0), 2);
    }

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
