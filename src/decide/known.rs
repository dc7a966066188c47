//! What is known about a key when it is decided on, and where a decision comes from.

use crate::domain::decision::Known;
use crate::domain::failover::TicketRoute;
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::RuleSettings;
use crate::store::KeptIncident;

/// What is known about one key, and what templates saw last.
#[derive(Debug, Default)]
pub(super) struct KnownKey {
    pub(super) known: Known,
    pub(super) kept: Option<Kept>,
}

impl KnownKey {
    /// The source that began the key's incident, or begins it now, as `source` is heard.
    pub(super) fn begun_by(&self, source: &str) -> String {
        let kept = self.kept.as_ref().filter(|_| self.known.incident.is_some());
        kept.map_or_else(|| source.to_owned(), |kept| kept.begun_by.clone())
    }

    /// What a row says, without the key's lock.
    pub(super) fn from_kept(kept: KeptIncident) -> Self {
        Self {
            known: Known {
                incident: Some(kept.incident.clone()),
                ..Known::default()
            },
            kept: Some(Kept::from(kept)),
        }
    }

    /// Names the parts of the incident as `rule` hears them.
    pub(super) fn name_parts(&mut self, rule: &RuleSettings) {
        if let (Some(incident), Some(kept)) = (&mut self.known.incident, &self.kept) {
            let each = rule.sources.is_empty();
            incident.name_parts(each.then_some(kept.begun_by.as_str()));
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The source of the first event.
    pub(super) begun_by: String,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) route: TicketRoute,
    /// What a ticket that is opened in another target than its first says of that.
    pub(super) failover_note: Option<String>,
    pub(super) context: TemplateContext,
}

impl Kept {
    /// The id of the event that templates saw last.
    pub(super) fn event_id(&self) -> String {
        let id = self.context.get("event_payload_id");
        id.and_then(|id| id.as_str()).unwrap_or_default().to_owned()
    }
}

impl From<KeptIncident> for Kept {
    fn from(kept: KeptIncident) -> Self {
        Self {
            context: context_in(&kept),
            begun_by: kept.source.clone(),
            source: kept.source,
            target: kept.target,
            route: kept.route,
            failover_note: None,
        }
    }
}

/// The values templates see of `kept`. An incident whose row is damaged goes on without them,
/// so that it still recovers and is closed; its next breach writes them anew.
pub(super) fn context_in(kept: &KeptIncident) -> TemplateContext {
    kept.context_values().unwrap_or_else(|error| {
        tracing::error!(
            incident_id = kept.incident.id,
            %error,
            "the values of an incident cannot be read; it goes on without them"
        );
        TemplateContext::new()
    })
}

/// The event a finding comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) event_id: &'a str,
    pub(super) received_at: Timestamp,
    pub(super) source: &'a str,
}
