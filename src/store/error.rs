//! Errors of the store, divided by the reaction of the caller.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `store.url` is not an address.
    #[error("store.url is not a database address; write it like {0}")]
    BadUrl(&'static str),
    /// The database cannot be opened.
    #[error(
        "the database cannot be opened: {problem}; check store.url, that the folder exists and is writable, and that nothing else holds the file"
    )]
    CannotOpen {
        /// The database's own words.
        problem: String,
    },
    /// Another process has the SQLite file.
    #[error(
        "the database {path} is in use by another ringdown process, perhaps under another name (a symbolic or hard link); stop that one first, or use PostgreSQL, which several can share"
    )]
    InUse { path: String },
    /// The SQLite file, or its log, is not at its place any more.
    #[error(
        "{path} is not the file that was opened: {problem}; nothing is acknowledged. Put the file back, or stop ringdown, restore the database and start again (docs/reliability.md)"
    )]
    FileLost {
        path: String,
        /// Deleted, moved or replaced.
        problem: String,
    },
    /// Another replica has the lease now. Nothing was changed.
    #[error("the lease {name} was lost to another replica; nothing was kept")]
    LeaseLost { name: String },
    /// The migrations cannot be applied.
    #[error(
        "the database cannot be migrated: {problem}; restore it from a backup or mend what the message names, then start again"
    )]
    CannotMigrate {
        /// The database's own words.
        problem: String,
    },
    /// The connection ended while migrations were applied.
    #[error(
        "the connection to the database was lost during the migrations: {problem}; nothing is half done, start again"
    )]
    MigrationInterrupted { problem: String },
    /// The database was written by a newer version.
    #[error(
        "the database has migration {version}, which this version does not know: it was written by a newer ringdown; run that version, or restore a backup from before the upgrade"
    )]
    NewerDatabase {
        /// The unknown migration.
        version: i64,
    },
    /// A row has a value that no version of this program writes.
    #[error("row {row} of {table} is damaged: {problem}")]
    Damaged {
        table: &'static str,
        row: String,
        problem: String,
    },
    /// There is no such row.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of row, in words.
        what: &'static str,
        id: String,
    },
    /// The row is not in a state that allows this.
    #[error("{what} {id} is {state}: {problem}")]
    Conflict {
        /// The kind of row, in words.
        what: &'static str,
        id: String,
        state: String,
        /// Why that forbids it.
        problem: &'static str,
    },
    /// A cursor that this list did not give.
    #[error("the cursor is not one that this list gave; begin without one")]
    InvalidCursor,
    /// The server does not answer.
    #[error("the database does not answer; it is tried again on another connection")]
    NoAnswer,
    /// A statement failed: locked, read-only, full, connection gone. Worth trying again.
    #[error("the database failed: {0}")]
    Failed(#[from] sqlx::Error),
    /// The same, on the journal's own connection to SQLite.
    #[error("the database failed: {0}")]
    FailedDirectly(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether the database refuses the content of a row, or a stored row cannot be read: the same
    /// statement would fail again, another one may not.
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Failed(sqlx::Error::Database(error)) => {
                // PostgreSQL: "data exception" and "program limit exceeded", by class. SQLite's
                // codes are numbers; 18 is "too big".
                let code = error.code().unwrap_or_default();
                code.len() == 5 && (code.starts_with("22") || code.starts_with("54"))
                    || code == "18"
            }
            _ => false,
        }
    }

    pub(super) fn cannot_open(error: sqlx::Error) -> Self {
        Self::CannotOpen {
            problem: error.to_string(),
        }
    }
}
