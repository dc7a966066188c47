//! The lock that keeps a second process off a SQLite file.
//!
//! It is the operating system's: it ends with the process, however that ends, and delays no
//! restart. The file beside the database stays; only the lock on it matters.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use super::StoreError;

/// A lock on `DATABASE.lock`. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct FileLock(Option<Arc<File>>);

impl FileLock {
    /// Locks the database at `path`. One in memory needs no lock.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] when another process has it, [`StoreError::CannotOpen`] when the
    /// lock file cannot be written.
    pub(super) fn beside(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        if shown.is_empty()
            || shown.contains(":memory:")
            || shown.starts_with("file:sqlx-in-memory")
        {
            return Ok(Self(None));
        }
        let cannot = |problem: std::io::Error| StoreError::CannotOpen {
            problem: format!("{shown}.lock cannot be locked: {problem}"),
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(format!("{shown}.lock"))
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(Some(Arc::new(file)))),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: shown }),
            Err(TryLockError::Error(problem)) => Err(cannot(problem)),
        }
    }

    /// Lets the database go.
    pub(super) fn release(&self) {
        if let Some(file) = &self.0
            && let Err(error) = file.unlock()
        {
            tracing::warn!(%error, "the database's lock file stays locked until the process ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{Store, StoreError};

    #[tokio::test]
    async fn a_second_opening_of_a_sqlite_file_is_refused_until_the_first_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
        let first = Store::open(&url).await.unwrap();
        let second = Store::open(&url).await;
        assert!(matches!(second, Err(StoreError::InUse { .. })));
        first.close().await;
        assert!(Store::open(&url).await.is_ok());
    }
}
