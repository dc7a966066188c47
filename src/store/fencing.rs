//! Fencing tokens: the proof, inside a transaction, that a lease is still ours.
//!
//! The lease's row stays locked until the transaction ends. So either the whole transaction was
//! committed before another owner took the lease, or nothing of it is.

use super::StoreError;
use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use crate::domain::time::Timestamp;

/// A lease that was taken: its owner, and the number that grows with every new owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FencingToken {
    name: String,
    owner: String,
    number: i64,
}

impl FencingToken {
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

    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Grows with every new owner of the lease.
    pub fn number(&self) -> i64 {
        self.number
    }
}

/// Asked together with the check: when the last of all silences ends. A statement of its own
/// would cost every batch a round trip.
const CHECK: &str = "select (select max(ends_at) from silences) as silences_end \
     from leases where name = $1 and owner = $2 and fence = $3";

/// Checks in `tx` that `fence` is in force, and keeps it so until `tx` ends. Answers when the
/// last of all silences ends.
///
/// # Errors
///
/// [`StoreError::LeaseLost`] when another owner has taken the lease.
pub(super) async fn check(
    tx: &mut Tx,
    fence: &FencingToken,
) -> Result<Option<Timestamp>, StoreError> {
    let select = Statement::new(CHECK)
        .bind(&fence.name)
        .bind(&fence.owner)
        .bind(fence.number)
        .for_update();
    let silences_end = |row: &Row| row.get_optional("silences_end");
    let found = select.fetch_optional(tx, silences_end).await?;
    found.ok_or_else(|| StoreError::LeaseLost {
        name: fence.name.clone(),
    })
}

/// Waits until the batch that is being decided is committed, and blocks the next one until this
/// transaction ends. So a change of a silence's end finds all incidents that wait for it.
pub(super) async fn hold_deciding(tx: &mut Tx) -> Result<(), StoreError> {
    let lock = "select fence from leases where name = 'decide' for update";
    Statement::on_postgres(lock).execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Store;

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
            .acquire_lease("decide", "a", Duration::ZERO)
            .await
            .unwrap();
        let first = first.unwrap();
        assert!(store.begin_decisions(&first).await.is_ok());
        let second = store
            .acquire_lease("decide", "b", LONG)
            .await
            .unwrap()
            .unwrap();
        assert!(second.number() > first.number());
        assert!(store.begin_decisions(&second).await.is_ok());
        assert!(matches!(
            store.begin_decisions(&first).await,
            Err(StoreError::LeaseLost { .. })
        ));
    }

    #[tokio::test]
    async fn a_held_lease_is_refused_to_others_and_free_once_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let held = store
            .acquire_lease("decide", "a", LONG)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            store.acquire_lease("decide", "b", LONG).await.unwrap(),
            None
        );
        let again = store.acquire_lease("decide", "a", LONG).await.unwrap();
        assert_eq!(again.as_ref(), Some(&held));
        store.release_lease(&held).await.unwrap();
        assert!(
            store
                .acquire_lease("decide", "b", LONG)
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
            .acquire_lease("decide", "a", Duration::ZERO)
            .await
            .unwrap();
        store.acquire_lease("decide", "b", LONG).await.unwrap();
        store.release_lease(&first.unwrap()).await.unwrap();
        assert_eq!(
            store.acquire_lease("decide", "a", LONG).await.unwrap(),
            None
        );
    }
}
