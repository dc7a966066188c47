//! What operators ask of an incident. Deciding carries it out, mostly within half a second: the
//! answer waits for that.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::by;
use super::answer::Refused;
use super::body::{Body, Coded, Either, Sent};
use super::resolve::incident_id;
use super::silences::checked_reason;
use super::{Actor, AdminState};
use crate::domain::identity::IncidentId;
use crate::domain::incident_request::IncidentAction;
use crate::http::request_id;
use crate::store::{IncidentDetail, NewIncidentRequest, RequestOutcome};

/// Longest wait for deciding.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest id of a request that a client gives, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// A request as a client writes it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Why; not of a note.
    #[serde(default)]
    reason: Option<String>,
    /// The note.
    #[serde(default)]
    text: Option<String>,
    /// The outage that it joins: its id, key, or ticket's number. Of join-outage alone.
    #[serde(default)]
    outage: Option<String>,
    /// A repetition with the same id is done once. By default the request's `x-request-id`.
    #[serde(default)]
    request_id: Option<String>,
}

/// What came of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Carried {
    request_id: String,
    /// `done`, or `waiting` when nobody has decided on it yet: then it is done later.
    state: &'static str,
    incident: IncidentDetail,
}

impl Carried {
    pub(super) fn is_done(&self) -> bool {
        self.state == "done"
    }
}

impl Sent for Asked {
    const IS: &'static str = "a request such as {\"reason\": \"a test call\", \"request_id\": \"mine-1\"}; \
         a note has text instead of reason";

    fn empty() -> Option<Self> {
        Some(Self::default())
    }
}

type Answer = Result<Either<Json<Carried>, Coded<202, Carried>>, Refused>;

macro_rules! route {
    ($name:ident, $action:expr) => {
        pub(super) async fn $name(
            State(state): State<AdminState>,
            Extension(actor): Extension<Actor>,
            Path(id): Path<String>,
            headers: HeaderMap,
            Body(asked): Body<Asked>,
        ) -> Answer {
            let words = match $action {
                IncidentAction::Note => asked.text.as_deref(),
                _ => asked.reason.as_deref(),
            };
            let own = asked.request_id.as_deref().or_else(|| request_id(&headers));
            let id = incident_id(&state, &id).await?;
            let outage = named_outage(&state, $action, asked.outage.as_deref()).await?;
            let wanted = Wanted {
                action: $action,
                words: words.unwrap_or_default(),
                request_id: own.unwrap_or_default(),
                outage: outage.as_ref(),
            };
            let carried = carry_out(&state, &actor, &id, wanted).await?;
            Ok(match carried.is_done() {
                true => Either::This(Json(carried)),
                false => Either::That(Coded(carried)),
            })
        }
    };
}

route!(close, IncidentAction::Close);
route!(note, IncidentAction::Note);
route!(open_ticket, IncidentAction::OpenTicket);
route!(leave_outage, IncidentAction::LeaveOutage);
route!(join_outage, IncidentAction::JoinOutage);

/// The outage that an action joins: `named` by the client.
pub(super) async fn named_outage(
    state: &AdminState,
    action: IncidentAction,
    named: Option<&str>,
) -> Result<Option<IncidentId>, Refused> {
    let named = named.filter(|named| !named.is_empty());
    match (action, named) {
        (IncidentAction::JoinOutage, Some(named)) => {
            let outage = incident_id(state, named).await?;
            state
                .store
                .ongoing_incident(&outage, state.clock.now())
                .await?;
            Ok(Some(outage))
        }
        (IncidentAction::JoinOutage, None) => Err(Refused::bad_request(
            "outage is missing: the id, the key or the ticket's number of the outage that it joins.",
        )),
        (_, Some(_)) => Err(Refused::bad_request("outage is of join-outage alone.")),
        (_, None) => Ok(None),
    }
}

/// What is asked.
pub(super) struct Wanted<'a> {
    pub(super) action: IncidentAction,
    /// The reason, or the note.
    pub(super) words: &'a str,
    pub(super) request_id: &'a str,
    /// The outage that the incident joins.
    pub(super) outage: Option<&'a IncidentId>,
}

/// Stores the request and waits until it is carried out.
pub(super) async fn carry_out(
    state: &AdminState,
    actor: &Actor,
    id: &IncidentId,
    wanted: Wanted<'_>,
) -> Result<Carried, Refused> {
    let what = match wanted.action {
        IncidentAction::Note => "text",
        _ => "reason",
    };
    let words = checked_reason(wanted.words)
        .map_err(|_| Refused::bad_request(format!("{what} has 1 to 1000 characters.")))?;
    let own = wanted.request_id;
    if own.is_empty() || own.len() > MAX_REQUEST_ID || own.contains('\0') {
        return Err(Refused::bad_request(format!(
            "request_id has 1 to {MAX_REQUEST_ID} bytes."
        )));
    }
    let new = NewIncidentRequest {
        incident_id: id,
        action: wanted.action,
        words: &words,
        request_id: own,
        outage_id: wanted.outage,
    };
    state.store.ask_of_incident(new, by(state, actor)).await?;
    let began = Instant::now();
    let outcome = loop {
        let outcome = state.store.request_outcome(own).await?;
        if outcome != RequestOutcome::Waiting || began.elapsed() > PATIENCE {
            break outcome;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    if let RequestOutcome::Refused(why) = outcome {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "not-possible",
            "Not possible now",
            format!("incident {id}: {why}."),
        ));
    }
    Ok(Carried {
        request_id: own.to_owned(),
        state: match outcome {
            RequestOutcome::Done => "done",
            _ => "waiting",
        },
        incident: state.store.incident(id).await?,
    })
}
