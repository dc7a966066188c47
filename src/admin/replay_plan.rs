//! What a replay of dead letters would do, without doing it: each is rendered anew and compared with
//! what was refused.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::answer::Refused;
use super::target_list::targets_now;
use crate::domain::identity::TargetName;
use crate::domain::replay_plan::{DeadLetterFacts, forecast};
use crate::store::{DeadLetterView, Filter, PageRequest};

/// Dead letters of which a plan tells.
const MAX_PLANNED: u32 = 200;

/// What would come of the replay of one dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlannedReplay {
    #[serde(flatten)]
    dead_letter: DeadLetterView,
    fits: bool,
    why: String,
}

/// What would come of a replay.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayPlan {
    /// How many there are in the plan.
    pub(super) count: usize,
    /// How many of them would fit now, as far as it can be told without asking the CRM.
    pub(super) fit: usize,
    /// By reason, the most frequent first.
    pub(super) reasons: Vec<PlannedReason>,
    pub(super) items: Vec<PlannedReplay>,
    /// What else stands in the way.
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlannedReason {
    fits: bool,
    why: String,
    count: usize,
}

/// The plan for the dead letters of `filter`.
pub(super) async fn plan(state: &AdminState, filter: &Filter) -> Result<ReplayPlan, Refused> {
    let page = PageRequest {
        after: None,
        limit: MAX_PLANNED,
    };
    let listed = state.store.dead_letters(filter, &page).await?;
    let mut plan = plan_of(state, listed.items).await?;
    if listed.next.is_some() {
        plan.notes.push(format!(
            "There are more than {MAX_PLANNED}: these are the newest."
        ));
    }
    Ok(plan)
}

/// The plan for the dead letter `id`.
pub(super) async fn plan_one(state: &AdminState, id: &str) -> Result<ReplayPlan, Refused> {
    let dead = state.store.dead_letter(id).await?;
    plan_of(state, vec![dead.dead_letter]).await
}

async fn plan_of(
    state: &AdminState,
    dead_letters: Vec<DeadLetterView>,
) -> Result<ReplayPlan, Refused> {
    let mut items = Vec::new();
    let mut targets: BTreeSet<TargetName> = BTreeSet::new();
    for dead_letter in dead_letters {
        targets.insert(dead_letter.target.clone());
        let Some(found) = state.store.dead_letter_to_render(dead_letter.id.0).await? else {
            continue;
        };
        let rendered = state.renderer.render(&found.record, &found.delivery);
        let failure = dead_letter.failure.failure();
        let forecast = forecast(DeadLetterFacts {
            operation: found.delivery.operation,
            in_doubt: found.in_doubt,
            is_overtaken: found.is_overtaken,
            is_over: found.is_over,
            failure: failure.as_ref(),
            stored: &found.delivery.payload,
            rendered: rendered.as_deref().map_err(String::as_str),
        });
        items.push(PlannedReplay {
            dead_letter,
            fits: forecast.fits,
            why: forecast.why,
        });
    }
    let now = targets_now(state).await?.into_iter();
    let away = now.filter(|one| one.state != "up" && targets.contains(&one.name));
    let notes = away.map(|one| {
        let how = one.state.replace('_', " ");
        format!(
            "{} is {how}: nothing is sent before it accepts writes.",
            one.name
        )
    });
    Ok(ReplayPlan {
        count: items.len(),
        fit: items.iter().filter(|one| one.fits).count(),
        reasons: reasons(&items),
        notes: notes.collect(),
        items,
    })
}

fn reasons(items: &[PlannedReplay]) -> Vec<PlannedReason> {
    let mut reasons: Vec<PlannedReason> = Vec::new();
    for item in items {
        let known = reasons
            .iter_mut()
            .find(|one| one.why == item.why && one.fits == item.fits);
        match known {
            Some(known) => known.count += 1,
            None => reasons.push(PlannedReason {
                fits: item.fits,
                why: item.why.clone(),
                count: 1,
            }),
        }
    }
    reasons.sort_by_key(|one| std::cmp::Reverse(one.count));
    reasons
}
