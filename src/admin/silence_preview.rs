//! What a silence hits: asked before it is made, and shown with those that are there.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::answer::Refused;
use super::windows::Entry;
use crate::domain::identity::IncidentId;
use crate::domain::silence::{Matcher, SilenceHits};
use crate::domain::time::Timestamp;
use crate::store::{DisplayTime, NewSilence, SilenceSubject};

/// Incidents that are looked at.
const MAX_SUBJECTS: u32 = 5_000;
/// Incidents that go on, for the list of silences.
const MAX_ONGOING: u32 = 2_000;
/// Incidents of a preview that are named.
const MAX_NAMED: usize = 50;
const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// A silence before it is made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Preview {
    dry_run: bool,
    r#match: Vec<String>,
    starts_at: DisplayTime,
    ends_at: DisplayTime,
    hits: Hits,
    warnings: Vec<String>,
}

/// What a silence hits.
#[derive(Debug, Serialize, ToSchema)]
struct Hits {
    /// Incidents that go on.
    incidents: usize,
    /// Of these, those that have a ticket already.
    with_ticket: usize,
    /// Keys of the last 24 hours.
    keys: usize,
    /// All keys of the last 24 hours.
    keys_known: usize,
    /// Some of the incidents that go on, and of those that began in the last 24 hours.
    items: Vec<Hit>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Hit {
    id: IncidentId,
    rule: String,
    key: String,
    name: String,
    state: String,
    ticket_number: Option<String>,
}

/// What `new` would hit.
pub(super) async fn preview(
    state: &AdminState,
    new: &NewSilence,
    now: Timestamp,
) -> Result<Preview, Refused> {
    let since = Some(now.minus(A_DAY));
    let subjects = state.store.silence_subjects(since, MAX_SUBJECTS).await?;
    let hit = subjects.iter().filter(|one| holds(&new.matchers, one));
    let hit: Vec<&SilenceSubject> = hit.collect();
    let ongoing: Vec<&&SilenceSubject> = hit.iter().filter(|one| one.is_ongoing()).collect();
    let hits = SilenceHits {
        incidents: ongoing.len(),
        with_ticket: ongoing.iter().filter(|one| one.has_ticket).count(),
        keys: keys(hit.iter().copied()),
        keys_known: keys(subjects.iter()),
    };
    Ok(Preview {
        dry_run: true,
        r#match: new.matchers.iter().map(Matcher::to_string).collect(),
        starts_at: new.starts_at.into(),
        ends_at: new.ends_at.into(),
        warnings: hits.warnings(),
        hits: Hits {
            incidents: hits.incidents,
            with_ticket: hits.with_ticket,
            keys: hits.keys,
            keys_known: hits.keys_known,
            items: hit.into_iter().take(MAX_NAMED).map(shown).collect(),
        },
    })
}

fn holds(matchers: &[Matcher], one: &SilenceSubject) -> bool {
    let subject = one.subject();
    matchers.iter().all(|matcher| matcher.holds(&subject))
}

fn keys<'a>(subjects: impl Iterator<Item = &'a SilenceSubject>) -> usize {
    let keys: BTreeSet<(&str, &str)> = subjects
        .map(|one| (one.rule.as_str(), one.key.as_str()))
        .collect();
    keys.len()
}

fn shown(one: &SilenceSubject) -> Hit {
    Hit {
        id: one.id.clone(),
        rule: one.rule.clone(),
        key: one.key.clone(),
        name: one.name.clone(),
        state: one.state.clone(),
        ticket_number: one.ticket_number.clone(),
    }
}

/// Says of each silence that is not over how many incidents it hits now.
pub(super) async fn count_hits(state: &AdminState, entries: &mut [Entry]) -> Result<(), Refused> {
    let is_over = |entry: &Entry| match entry {
        Entry::Window(_) => true,
        Entry::Made(silence) => silence.state == "expired",
    };
    if entries.iter().all(is_over) {
        return Ok(());
    }
    let ongoing = state.store.silence_subjects(None, MAX_ONGOING).await?;
    for entry in entries.iter_mut().filter(|one| !is_over(one)) {
        let Entry::Made(silence) = entry else {
            continue;
        };
        let texts: Vec<String> = serde_json::from_str(&silence.matchers.0).unwrap_or_default();
        let matchers: Result<Vec<Matcher>, _> =
            texts.iter().map(|text| Matcher::parse(text)).collect();
        silence.hits_now = matchers.ok().map(|matchers| {
            let hit = ongoing.iter().filter(|one| holds(&matchers, one));
            hit.count() as u64
        });
    }
    Ok(())
}
