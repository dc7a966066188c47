//! Bringing a database up to date: each migration and the note that it was applied are one
//! transaction, so a process that dies anywhere leaves a database from which the next start,
//! or another replica, goes on.
//!
//! The parts are sqlx's: its lock, its table, its checksums. The loop is not `Migrator::run`,
//! because that has no place for a fault point inside a migration, after it is noted, or between
//! two of them, and the tests let the process die, or stand still, at each.

use futures::TryStreamExt;
use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, Database, Executor};

use super::StoreError;
use super::embedded_migrations::{POSTGRES_MIGRATIONS, SQLITE_MIGRATIONS};
use crate::fault_points;

/// Which migrations were applied.
const TABLE: &str = "_sqlx_migrations";
/// How long a migration's transaction may wait for its process. Longer than any other, because
/// to end it keeps that replica from starting; not for ever, because a replica that stands
/// still in it keeps all others from starting.
const MAX_IDLE_IN_MIGRATION: &str = "set idle_in_transaction_session_timeout = '15s'";
const USUAL_IDLE: &str = "reset idle_in_transaction_session_timeout";

pub(super) async fn migrate_sqlite(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut connection = writer.acquire().await?;
    apply_missing(&SQLITE_MIGRATIONS, &mut *connection)
        .await
        .map_err(problem)
}

/// Applies the missing migrations. Of several replicas that start together one does it, under a
/// lock that ends with its connection; the others wait for the lock and find it done.
pub(super) async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await?;
    connection.execute(MAX_IDLE_IN_MIGRATION).await?;
    apply_missing(&POSTGRES_MIGRATIONS, &mut *connection)
        .await
        .map_err(problem)?;
    connection.execute(USUAL_IDLE).await?;
    Ok(())
}

fn problem(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::NewerDatabase { version },
        // Not the database's word about a statement: the connection ended.
        MigrateError::Execute(lost) | MigrateError::ExecuteMigration(lost, _)
            if lost.as_database_error().is_none() =>
        {
            StoreError::MigrationInterrupted {
                problem: lost.to_string(),
            }
        }
        other => StoreError::CannotMigrate {
            problem: other.to_string(),
        },
    }
}

async fn apply_missing<C>(migrator: &Migrator, connection: &mut C) -> Result<(), MigrateError>
where
    C: Connection + Migrate,
    <C::Database as Database>::Connection: Migrate,
    for<'c> &'c mut <C::Database as Database>::Connection: Executor<'c, Database = C::Database>,
{
    connection.lock().await?;
    connection.ensure_migrations_table(TABLE).await?;
    let applied = connection.list_applied_migrations(TABLE).await?;
    if let Some(newer) = applied
        .iter()
        .find(|one| !migrator.version_exists(one.version))
    {
        return Err(MigrateError::VersionMissing(newer.version));
    }
    for migration in migrator.iter() {
        let before = applied.iter().find(|one| one.version == migration.version);
        match before {
            Some(before) if before.checksum != migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version));
            }
            Some(_) => {}
            None => apply(connection, migration).await?,
        }
        fault_points::reach("migration-step");
    }
    connection.unlock().await
}

async fn apply<C>(connection: &mut C, migration: &Migration) -> Result<(), MigrateError>
where
    C: Connection,
    <C::Database as Database>::Connection: Migrate,
    for<'c> &'c mut <C::Database as Database>::Connection: Executor<'c, Database = C::Database>,
{
    let mut transaction = connection.begin().await?;
    {
        let statements = sqlx::raw_sql(migration.sql.clone());
        let mut results = statements.fetch_many(&mut *transaction);
        while results
            .try_next()
            .await
            .map_err(|error| MigrateError::ExecuteMigration(error, migration.version))?
            .is_some()
        {
            fault_points::reach("in-migration");
        }
    }
    // `skip` records the migration as applied, which is the only step left.
    transaction.skip(TABLE, migration).await?;
    fault_points::reach("migration-noted");
    transaction.commit().await?;
    Ok(())
}
