//! The configured targets as they fare now.

use super::AdminState;
use super::targets::TargetView;
use crate::store::StoreError;

/// Every configured target as it fares now. Whether a person has paused it stands in the store: the
/// workers read it a moment later.
pub(super) async fn targets_now(state: &AdminState) -> Result<Vec<TargetView>, StoreError> {
    let pauses = state.store.target_pauses(state.clock.now()).await?;
    let targets = state.targets.targets().into_iter();
    Ok(targets.map(|one| one.with_pause(&pauses)).collect())
}
