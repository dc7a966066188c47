//! Whether the file of a SQLite database is still the one that was opened. A deleted or moved file
//! can still be written, and everything in it is lost at the next start.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::StoreError;

/// The end of the name of a log whose database was replaced.
const REPLACED: &str = ".replaced";

/// Identifies a file, independent of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// Checks whether the paths of the database and its write-ahead log still lead to the opened files.
/// A check costs two system calls. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct FileWatch(Option<Arc<Watched>>);

#[derive(Debug)]
struct Watched {
    /// As it is configured, perhaps a symbolic link.
    path: PathBuf,
    /// Where SQLite keeps the log beside it.
    real: PathBuf,
    log: PathBuf,
    identity: Identity,
    /// The log, as soon as it has been seen.
    log_identity: Mutex<Option<Identity>>,
}

impl FileWatch {
    /// Watches nothing: a database in memory.
    pub(super) const fn of_none() -> Self {
        Self(None)
    }

    /// Watches the file that was opened by `path`, whose own path is `real`.
    pub(super) fn of(path: &Path, real: PathBuf, metadata: &Metadata) -> Self {
        Self(Some(Arc::new(Watched {
            // The working directory may change; the file stays.
            path: std::path::absolute(path).unwrap_or_else(|_| real.clone()),
            log: beside(&real, "-wal"),
            real,
            identity: metadata.into(),
            log_identity: Mutex::default(),
        })))
    }

    /// The file's own path; `None` in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(|watched| watched.real.as_path())
    }

    /// # Errors
    ///
    /// [`StoreError::FileLost`] when a write now would not be found after a restart.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let Some(watched) = &self.0 else {
            return Ok(());
        };
        let problem = match identity_at(&watched.path) {
            Ok(Some(identity)) if identity == watched.identity => return watched.check_log(),
            Ok(Some(_)) => "another file is in its place".to_owned(),
            Ok(None) => "it was deleted or moved away".to_owned(),
            Err(error) => format!("it cannot be looked at: {error}"),
        };
        Err(lost(&watched.path, problem))
    }
}

impl FileWatch {
    /// Renames the write-ahead log and its index when they are ours and stand beside another
    /// database: the next process would apply them to that one and damage it. Returns the log's
    /// new path.
    ///
    /// # Errors
    ///
    /// When a file cannot be looked at or renamed.
    pub(super) fn set_log_aside(&self) -> std::io::Result<Option<PathBuf>> {
        let Some(watched) = &self.0 else {
            return Ok(None);
        };
        let is_replaced = identity_at(&watched.real)?.is_some_and(|now| now != watched.identity);
        let known = *watched.known_log();
        if !is_replaced || known.is_none() || identity_at(&watched.log)? != known {
            return Ok(None);
        }
        let index = beside(&watched.real, "-shm");
        if identity_at(&index)?.is_some() {
            std::fs::rename(&index, beside(&index, REPLACED))?;
        }
        let aside = beside(&watched.log, REPLACED);
        std::fs::rename(&watched.log, &aside)?;
        Ok(Some(aside))
    }
}

impl Watched {
    fn known_log(&self) -> MutexGuard<'_, Option<Identity>> {
        // One value, replaced as a whole.
        self.log_identity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn check_log(&self) -> Result<(), StoreError> {
        let now = identity_at(&self.log)
            .map_err(|error| lost(&self.log, format!("it cannot be looked at: {error}")))?;
        let mut known = self.known_log();
        match *known {
            before if before == now => Ok(()),
            // SQLite deletes it itself when the last connection is closed.
            Some(before) if is_open(before) => Err(lost(
                &self.log,
                "it was deleted, replaced or moved away".to_owned(),
            )),
            _ => {
                *known = now;
                Ok(())
            }
        }
    }
}

fn lost(path: &Path, problem: String) -> StoreError {
    StoreError::FileLost {
        path: path.display().to_string(),
        problem,
    }
}

fn identity_at(path: &Path) -> std::io::Result<Option<Identity>> {
    match path.metadata() {
        Ok(metadata) => Ok(Some((&metadata).into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether this process has the file open.
fn is_open(identity: Identity) -> bool {
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else {
        return true;
    };
    descriptors
        .flatten()
        .filter_map(|entry| entry.path().metadata().ok())
        .any(|metadata| Identity::from(&metadata) == identity)
}

/// The file whose name is that of `path` with `end` after it.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::database_file::DatabaseFile;

    #[tokio::test]
    async fn a_file_that_is_deleted_replaced_or_moved_is_noticed_and_one_that_is_back_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let away = folder.path().join("away");
        let store = Store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap();
        store.can_commit().await.unwrap();
        for name in [path.clone(), beside(&path, "-wal")] {
            std::fs::rename(&name, &away).unwrap();
            let gone = store.can_commit().await;
            assert!(matches!(gone, Err(StoreError::FileLost { .. })), "{gone:?}");
            std::fs::write(&name, "").unwrap();
            let replaced = store.can_commit().await;
            assert!(matches!(replaced, Err(StoreError::FileLost { .. })));
            std::fs::rename(&away, &name).unwrap();
            store.can_commit().await.unwrap();
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_log_that_sqlite_has_deleted_itself_is_no_loss() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let file = DatabaseFile::lock(&path).unwrap();
        let write = || {
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection
                .execute_batch("pragma journal_mode = wal; create table if not exists t (a)")
                .unwrap();
            file.watch().check().unwrap();
            connection
        };
        drop(write());
        assert!(!beside(&path, "-wal").exists());
        file.watch().check().unwrap();
        // Another file, so that the next log is not by chance the same one.
        std::fs::write(folder.path().join("other"), "").unwrap();
        drop(write());
    }
}
