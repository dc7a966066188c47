//! Fences: the proof, inside a transaction, that a lease is still ours.
//!
//! The lease's row stays locked until the transaction ends. So either everything in it was
//! kept before somebody else took the lease, or nothing of it is.

use super::database::{Tx, on, on_text};
use super::{Store, StoreError};

/// A lease that was taken: by whom, and the number that grows with every new owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    name: String,
    owner: String,
    number: i64,
}

impl Fence {
    pub(super) fn new(name: &str, owner: &str, number: i64) -> Self {
        Self {
            name: name.to_owned(),
            owner: owner.to_owned(),
            number,
        }
    }

    /// The lease's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who took it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Grows with every new owner of the lease.
    pub fn number(&self) -> i64 {
        self.number
    }
}

/// SQLite's writing transactions exclude one another as they are. Deciding asks with the same
/// statement whether there is any silence to heed: one more would cost every batch a round trip.
macro_rules! check {
    ($also:literal, $lock:literal) => {
        concat!(
            "select fence, ",
            $also,
            " from leases where name = $1 and owner = $2 and fence = $3",
            $lock
        )
    };
}
const CHECK_SQLITE: &str = check!("cast(null as bigint)", "");
const CHECK_POSTGRES: &str = check!("cast(null as bigint)", " for update");
const CHECK_TO_DECIDE_SQLITE: &str = check!("(select max(ends_at) from silences)", "");
const CHECK_TO_DECIDE_POSTGRES: &str = check!("(select max(ends_at) from silences)", " for update");

/// Checks in `tx` that `fence` is in force, and keeps it so until `tx` ends.
///
/// # Errors
///
/// [`StoreError::LeaseLost`] when somebody else has taken the lease.
pub(super) async fn check(tx: &mut Tx, fence: &Fence) -> Result<(), StoreError> {
    let text = on_text!(&*tx, CHECK_SQLITE, CHECK_POSTGRES);
    check_by(tx, fence, text).await.map(|_| ())
}

/// The same, and answers when the last of all silences ends.
///
/// # Errors
///
/// [`StoreError::LeaseLost`] when somebody else has taken the lease.
pub(super) async fn check_for_deciding(
    tx: &mut Tx,
    fence: &Fence,
) -> Result<Option<i64>, StoreError> {
    let text = on_text!(&*tx, CHECK_TO_DECIDE_SQLITE, CHECK_TO_DECIDE_POSTGRES);
    check_by(tx, fence, text).await
}

async fn check_by(
    tx: &mut Tx,
    fence: &Fence,
    text: &'static str,
) -> Result<Option<i64>, StoreError> {
    let row: Option<(i64, Option<i64>)> = on!(tx, connection => {
        sqlx::query_as(text)
            .bind(&fence.name)
            .bind(&fence.owner)
            .bind(fence.number)
            .fetch_optional(connection)
            .await?
    });
    match row {
        Some((_, also)) => Ok(also),
        None => Err(StoreError::LeaseLost {
            name: fence.name.clone(),
        }),
    }
}

impl Store {
    /// Whether `fence` is in force now.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] when it is not; others when the database cannot be read.
    pub async fn check_fence(&self, fence: &Fence) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        check(&mut tx, fence).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn store_in(folder: &tempfile::TempDir) -> Store {
        let path = folder.path().join("ringdown.db");
        Store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn who_lost_the_lease_can_begin_no_decisions() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let first = store
            .take_lease("decide", "a", Duration::ZERO)
            .await
            .unwrap();
        let first = first.unwrap();
        assert!(store.begin_deciding(&first).await.is_ok());
        let second = store
            .take_lease("decide", "b", LONG)
            .await
            .unwrap()
            .unwrap();
        assert!(second.number() > first.number());
        assert!(store.begin_deciding(&second).await.is_ok());
        assert!(matches!(
            store.begin_deciding(&first).await,
            Err(StoreError::LeaseLost { .. })
        ));
    }

    #[tokio::test]
    async fn a_held_lease_is_refused_to_others_and_free_once_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let held = store
            .take_lease("decide", "a", LONG)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(store.take_lease("decide", "b", LONG).await.unwrap(), None);
        let again = store.take_lease("decide", "a", LONG).await.unwrap();
        assert_eq!(again.as_ref(), Some(&held));
        store.give_lease_back(&held).await.unwrap();
        assert!(
            store
                .take_lease("decide", "b", LONG)
                .await
                .unwrap()
                .is_some()
        );
    }

    #[tokio::test]
    async fn giving_back_late_does_not_end_the_lease_of_the_next_owner() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let first = store
            .take_lease("decide", "a", Duration::ZERO)
            .await
            .unwrap();
        store.take_lease("decide", "b", LONG).await.unwrap();
        store.give_lease_back(&first.unwrap()).await.unwrap();
        assert_eq!(store.take_lease("decide", "a", LONG).await.unwrap(), None);
    }
}
