//! The file of a SQLite database: its permissions, and the locks by which one process owns it.
//!
//! Two locks keep a second process off, both the operating system's: they end with the process,
//! however that ends. One is on the database file itself, and so on every name that it has; one
//! is on a file beside it, and so holds for a path whose file was deleted meanwhile.
//! They are `flock` locks. SQLite's own are of another kind (`fcntl`), which on Linux know
//! nothing of these; but they end when any descriptor of the file is closed. So the descriptor
//! stays open for as long as the store does.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use super::file_watch::{FileWatch, beside};

/// The mode of a new file: only its owner may read and write it.
const OWNER_ONLY: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;
/// The permissions that others must not have.
const OTHERS: u32 = 0o077;

/// A database file that this process has locked. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct DatabaseFile(Option<Arc<Locked>>);

#[derive(Debug)]
struct Locked {
    file: File,
    beside: File,
    watch: FileWatch,
}

impl DatabaseFile {
    /// Locks the database at `path`, which is made with its folder when it is not there. One in
    /// memory has no file.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] when another process has it, [`StoreError::CannotOpen`] when it
    /// cannot be written.
    pub(super) fn lock(path: &Path) -> Result<Self, StoreError> {
        let shown = path.to_string_lossy();
        if shown.is_empty()
            || shown.contains(":memory:")
            || shown.starts_with("file:sqlx-in-memory")
        {
            return Ok(Self(None));
        }
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let file = open(path)?;
        take(&file, path)?;
        let real = path.canonicalize().map_err(|error| cannot(path, &error))?;
        let beside = open(&beside(&real, ".lock"))?;
        take(&beside, path)?;
        let metadata = file.metadata().map_err(|error| cannot(&real, &error))?;
        let watch = FileWatch::of(path, real, &metadata);
        Ok(Self(Some(Arc::new(Locked {
            file,
            beside,
            watch,
        }))))
    }

    /// The file's own path, without symbolic links, so that it names the file as long as it exists;
    /// `None` for a database in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        self.0.as_ref()?.watch.path()
    }

    /// Says whether the file is still the one that was opened.
    pub(super) fn watch(&self) -> FileWatch {
        self.0
            .as_ref()
            .map_or_else(FileWatch::of_none, |locked| locked.watch.clone())
    }

    /// Lets the database go. The descriptors stay open until the last clone is gone.
    pub(super) fn release(&self) {
        let Some(locked) = &self.0 else { return };
        for file in [&locked.file, &locked.beside] {
            if let Err(error) = file.unlock() {
                tracing::warn!(%error, "the database stays locked until the process ends");
            }
        }
    }

    /// Warns of files of the database that others on this machine may read or write. They stay
    /// as they are: another program may rely on it.
    pub(super) fn warn_of_open_modes(&self) {
        let Some(path) = self.path() else { return };
        let names = ["", "-wal", "-shm", ".lock"].map(|end| beside(path, end));
        let wide: Vec<String> = names
            .iter()
            .filter_map(|name| {
                let mode = name.metadata().ok()?.mode() & 0o777;
                (mode & OTHERS != 0).then(|| format!("{} ({mode:o})", name.display()))
            })
            .collect();
        if !wide.is_empty() {
            tracing::warn!(
                files = wide.join(", "),
                "other users of this machine may read or write the database, which holds every webhook; allow only the owner: chmod 600"
            );
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new()
        .recursive(true)
        .mode(OWNER_ONLY_FOLDER)
        .create(folder);
    made.map_err(|error| StoreError::CannotOpen {
        problem: format!("the folder {} cannot be made: {error}", folder.display()),
    })
}

fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(OWNER_ONLY)
        .open(path)
        .map_err(|error| cannot(path, &error))
}

fn take(file: &File, path: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(cannot(path, &error)),
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::CannotOpen {
        problem: format!("{} cannot be opened and locked: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn url(path: &Path) -> String {
        format!("sqlite:{}", path.display())
    }

    #[tokio::test]
    async fn a_second_opening_is_refused_by_every_name_until_the_first_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let first = Store::open(&url(&path)).await.unwrap();
        let other = folder.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let (symbolic, hard) = (other.join("symbolic.db"), other.join("hard.db"));
        std::os::unix::fs::symlink(&path, &symbolic).unwrap();
        std::fs::hard_link(&path, &hard).unwrap();
        for name in [&path, &symbolic, &hard] {
            let second = Store::open(&url(name)).await;
            assert!(matches!(second, Err(StoreError::InUse { .. })), "{name:?}");
        }
        first.close().await;
        assert!(Store::open(&url(&symbolic)).await.is_ok());
    }
}
