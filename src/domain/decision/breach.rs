//! A breach begins an incident, or continues a known one.

use super::outcome::SignalOutcome;
use super::state::{DecisionState, NewIncident};
use crate::domain::incident::{
    Evaluation, Incident, IncidentState, LifePolicy, OpenDelay, Suppression, TicketAction,
};
use crate::domain::severity::Severity;
use crate::domain::time::Timestamp;

/// A breach of a key without an incident: begins one, and opens it at once unless it has to wait.
pub(super) fn first_breach(
    state: &mut DecisionState,
    evaluation: &Evaluation,
    policy: &LifePolicy,
    delay: Option<OpenDelay>,
    new: &NewIncident<'_>,
) -> (SignalOutcome, Vec<TicketAction>) {
    let now = evaluation.received_at;
    let (opens_at, reason) = longest_delay(state, policy, delay, now);
    let silence = state.silence.clone();
    let allowance = state.allowance;
    let waits = silence.is_some() || opens_at > now || !allowance.may_open;
    // The number of incidents without a ticket is limited too. A source beyond both limits could
    // otherwise fill the store; its breaches are only counted.
    if waits && !allowance.may_wait {
        return (SignalOutcome::Suppressed(Suppression::Flood), Vec::new());
    }
    let incident = state.incident.insert(Incident::begin(
        new.id.clone(),
        new.key.clone(),
        new.severity,
        evaluation,
        opens_at,
    ));
    incident.breach_starts.clone_from(&state.breach_starts);
    // The ticket waits for the end of the silence and for `opens_at`. The silence is reported, and
    // the other reason is kept for the time after it.
    if let Some(silence) = silence {
        incident.suppressed += 1;
        incident.waits_for = (opens_at > now).then_some(reason);
        incident.silence = Some(silence);
        return (SignalOutcome::Suppressed(Suppression::Silenced), Vec::new());
    }
    if opens_at <= now {
        return open_now(incident, policy, allowance.may_open, now);
    }
    incident.suppressed += 1;
    incident.waits_for = Some(reason);
    (SignalOutcome::Suppressed(reason), Vec::new())
}

/// When the ticket is due, and the delay that makes it wait until then.
fn longest_delay(
    state: &DecisionState,
    policy: &LifePolicy,
    delay: Option<OpenDelay>,
    now: Timestamp,
) -> (Timestamp, Suppression) {
    let locked_until = state
        .lock
        .as_ref()
        .filter(|lock| lock.holds_at(now))
        .map(|lock| lock.until);
    let delays = [
        Some((now.plus(policy.hold_for), Suppression::Pending)),
        delay.map(|delay| (delay.until, delay.reason)),
        // A breach inside a burst lock waits, it is not dropped: its sender may never repeat it.
        locked_until.map(|until| (until, Suppression::BurstLock)),
    ];
    delays
        .into_iter()
        .flatten()
        .max_by_key(|(until, _)| *until)
        .unwrap_or((now, Suppression::Pending))
}

/// The ticket is due now.
fn open_now(
    incident: &mut Incident,
    policy: &LifePolicy,
    may_open: bool,
    now: Timestamp,
) -> (SignalOutcome, Vec<TicketAction>) {
    let actions = incident.open_or_hold(policy, may_open, now);
    if incident.held_by_flood {
        incident.suppressed += 1;
        return (SignalOutcome::Suppressed(Suppression::Flood), actions);
    }
    (SignalOutcome::Opened, actions)
}

/// A breach of a known incident, after [`Incident::apply`]. `raised_from` is the severity before,
/// when this breach has raised it.
pub(super) fn breach_of_known(
    incident: &mut Incident,
    now: Timestamp,
    policy: &LifePolicy,
    may_open: bool,
    raised_from: Option<Severity>,
) -> (SignalOutcome, Vec<TicketAction>) {
    let raised = raised_from.map(|from| TicketAction::Raised { from });
    match incident.state {
        // `raised` is not needed while it is pending: the create carries the new severity.
        IncidentState::Pending => breach_of_pending(incident, now, policy, may_open),
        // The same ticket continues: a new one would split one problem in two.
        IncidentState::Recovered => {
            let mut actions = incident.relapse(policy, now);
            let outcome = match incident.is_flapping() {
                true => SignalOutcome::Flapping,
                false => SignalOutcome::Relapsed,
            };
            actions.extend(raised);
            (outcome, actions)
        }
        // A closed incident is never loaded: it is here because the match names every state.
        IncidentState::Open | IncidentState::Closed => {
            // A rise is reported at once; it does not wait for `update_every`.
            if let Some(raised) = raised {
                incident.mark_written(now);
                return (SignalOutcome::Raised, vec![raised]);
            }
            if incident.progress_is_due(policy, now) {
                incident.mark_written(now);
                incident.unreported = 0;
                return (SignalOutcome::Commented, vec![TicketAction::Progress]);
            }
            incident.suppressed += 1;
            (
                SignalOutcome::Suppressed(Suppression::ActiveIncident),
                Vec::new(),
            )
        }
    }
}

/// A further breach while the ticket waits.
fn breach_of_pending(
    incident: &mut Incident,
    now: Timestamp,
    policy: &LifePolicy,
    may_open: bool,
) -> (SignalOutcome, Vec<TicketAction>) {
    let reason = match incident.hold() {
        Some(hold) => hold.suppression(),
        // It is due, and the signal came before the timer.
        None if incident.opens_at.is_none_or(|at| at <= now) => {
            return open_now(incident, policy, may_open, now);
        }
        // It still waits for an outage that may form.
        None if incident.waits_for == Some(Suppression::Outage) => Suppression::Outage,
        // A burst lock is reported for the first breach only.
        None => Suppression::Pending,
    };
    incident.suppressed += 1;
    (SignalOutcome::Suppressed(reason), Vec::new())
}
