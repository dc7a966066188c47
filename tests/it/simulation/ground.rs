//! What every seed starts from, made once: the checked settings, and an empty database with
//! a switch that makes the next batch of decisions fail right before its commit.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use ringdown::domain::identity::TargetName;
use ringdown::domain::incident::FlappingPolicy;
use ringdown::settings::{Loader, OnRecovery, Settings};
use ringdown::store::Store;
use ringdown::targets;
use sqlx::{Connection, SqliteConnection};

use crate::simulation::dice::Dice;
use crate::simulation::floods;

/// The last statements of a batch fail while `power_cut` has a row. What was written before
/// them must then be gone.
const SWITCH: [&str; 3] = [
    "create table power_cut (armed integer)",
    "create trigger cut_before_cursor before update on cursors \
     when new.name = 'decide' and exists (select 1 from power_cut) \
     begin select raise(abort, 'power cut'); end",
    "create trigger cut_before_delivery before insert on deliveries \
     when exists (select 1 from power_cut) \
     begin select raise(abort, 'power cut'); end",
];

/// What every seed starts from.
pub(crate) struct Ground {
    settings: Settings,
    database: Vec<u8>,
}

static GROUND: OnceLock<Ground> = OnceLock::new();

impl Ground {
    pub(crate) fn get() -> &'static Self {
        GROUND.get_or_init(Self::make)
    }

    fn make() -> Self {
        let folder = folder();
        let path = folder.path().to_owned();
        // In a thread of its own: the caller may be in a runtime.
        let made = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(database(&path))
        });
        Self {
            settings: settings(folder.path()),
            database: made.join().unwrap(),
        }
    }

    /// The settings as they stand in `ringdown.toml`.
    pub(crate) fn plain_settings(&self) -> Settings {
        self.settings.clone()
    }

    /// A fresh database at `path`.
    pub(crate) fn lay_database(&self, path: &Path) {
        std::fs::write(path, &self.database).unwrap();
    }

    /// The settings, with rules whose times are the seed's.
    pub(crate) fn settings(&self, dice: &mut Dice) -> Settings {
        let mut settings = self.settings.clone();
        for rule in &mut settings.rules {
            rule.hold_for = dice.seconds(&[0, 0, 0, 30, 120]);
            rule.clear_for = dice.seconds(&[0, 0, 20, 60]);
            rule.quiet_after = dice.seconds(&[120, 600, 1800]);
            rule.burst_lock = dice.seconds(&[0, 30, 300]);
            rule.update_every = dice.seconds(&[0, 20, 60]);
            rule.on_recovery = *dice.pick(&[
                OnRecovery::Resolve,
                OnRecovery::Resolve,
                OnRecovery::Comment,
                OnRecovery::None,
            ]);
            rule.flapping = flapping(dice);
        }
        for target in settings.targets.values_mut() {
            target.failover_after = dice.seconds(&[0, 5, 60, 120]);
        }
        self.roll_outage(&mut settings, dice);
        floods::roll(&mut settings, dice);
        settings
    }

    /// Half of the seeds have an outage.
    fn roll_outage(&self, settings: &mut Settings, dice: &mut Dice) {
        if dice.chance(50) {
            settings.outages.clear();
        }
        for outage in settings.outages.values_mut() {
            outage.at_least = *dice.pick(&[2, 2, 3, 4]);
            outage.within = dice.seconds(&[60, 600, 1800]);
            outage.hold = dice.seconds(&[0, 5, 30, 120]);
            outage.burst_lock = dice.seconds(&[0, 300, 1800]);
            outage.update_every = dice.seconds(&[0, 20, 60]);
            outage.on_recovery = *dice.pick(&[
                OnRecovery::Resolve,
                OnRecovery::Resolve,
                OnRecovery::Comment,
                OnRecovery::None,
            ]);
            if dice.chance(30) {
                outage.causes = vec!["high".to_owned()];
            }
            outage.targets = vec![TargetName::new(*dice.pick(&["unique", "lenient"]))].into();
        }
    }
}

/// Few beginnings suffice, and calm comes soon: the lives of a seed are short.
fn flapping(dice: &mut Dice) -> Option<FlappingPolicy> {
    dice.chance(80).then(|| FlappingPolicy {
        times: *dice.pick(&[1, 1, 2, 3]),
        within: dice.seconds(&[300, 3600, 3600]),
        quiet_period: dice.seconds(&[20, 120, 900]),
    })
}

/// A folder in memory where there is one: durability is not what is simulated here.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(folder) = tempfile::tempdir_in(memory)
    {
        return folder;
    }
    tempfile::tempdir().unwrap()
}

fn settings(folder: &Path) -> Settings {
    let file = folder.join("ringdown.toml");
    std::fs::write(&file, include_str!("ringdown.toml")).unwrap();
    let loader = Loader {
        offline: false,
        crms: targets::profiles(),
        config_dir: folder.join("config"),
        environment: [("SECRET".to_owned(), "s3cret-s3cret-s3cret".to_owned())].into(),
        files: vec![file],
    };
    loader.load().unwrap().settings
}

async fn database(folder: &Path) -> Vec<u8> {
    let path = folder.join("ground.db");
    let store = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    store.close().await;
    let mut connection = connect(&path).await;
    for statement in SWITCH {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    sqlx::query("pragma wal_checkpoint(truncate)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    std::fs::read(&path).unwrap()
}

/// A connection of the simulation's own, beside the store's.
pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off)
        .busy_timeout(Duration::from_secs(5));
    SqliteConnection::connect_with(&options).await.unwrap()
}
