//! Renders deliveries again that certainly had no effect: after a change of the configuration, and
//! when a person replays one.

use sha2::{Digest, Sha256};

use super::batch::render_again;
use super::error::DecideError;
use super::resources::Resources;
use crate::settings::TargetSettings;
use crate::store::{FencingToken, StoreError};

/// Deliveries that are rendered in one transaction.
const MAX_RENDERED: u32 = 128;

/// Marks what was rendered from other settings than the present ones. Done once, by a process that
/// begins to decide.
pub(super) async fn mark_outdated(
    resources: &Resources,
    fence: &FencingToken,
) -> Result<(), StoreError> {
    let mut deciding = resources.store.begin_decisions(fence).await?;
    let (mut outdated, now) = (0, resources.clock.now());
    for (name, target) in &resources.settings.targets {
        outdated += deciding.mark_outdated(name, &digest(target), now).await?;
    }
    deciding.commit_rendered().await?;
    if outdated > 0 {
        tracing::info!(
            count = outdated,
            "the configuration has changed; deliveries that wait are rendered again"
        );
    }
    Ok(())
}

/// Renders what is marked, in one transaction under `fence`. Returns how many deliveries.
pub(super) async fn render_marked(
    resources: &Resources,
    fence: &FencingToken,
) -> Result<usize, DecideError> {
    let marked = resources.store.deliveries_to_render(MAX_RENDERED).await?;
    if marked.is_empty() {
        return Ok(0);
    }
    let mut deciding = resources.store.begin_decisions(fence).await?;
    let now = resources.clock.now();
    let mut rendered = 0;
    for id in marked {
        rendered += 1;
        let (record, delivery) = match deciding.take_for_rendering(id).await {
            Ok(Some(taken)) => taken,
            Ok(None) => {
                deciding.keep_payload(id).await?;
                continue;
            }
            // One damaged row must not keep all others waiting.
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::warn!(
                    delivery = id, %error,
                    "a delivery cannot be rendered again, because its incident cannot be read; it is \
                     sent as stored"
                );
                deciding.keep_payload(id).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let incident_id = record.incident.id.clone();
        let written = render_again(&resources.settings, &record, &delivery);
        if let Err(problem) = &written {
            tracing::warn!(
                incident_id = incident_id.as_str(),
                target = record.target.as_str(),
                problem,
                "a delivery cannot be rendered from the present configuration; it is sent as stored"
            );
        }
        deciding.write_rendered(id, written.ok(), now).await?;
    }
    deciding.commit_rendered().await?;
    resources.enqueued.send_modify(|count| *count += 1);
    Ok(rendered)
}

/// Differs when the templates of `target` differ.
fn digest(target: &TargetSettings) -> String {
    let templates = format!(
        "{:?} {:?} {:?}",
        target.create, target.update, target.resolve
    );
    hex::encode(Sha256::digest(templates))
}
