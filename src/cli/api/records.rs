//! `ringdown events`, `deliveries`, `audit` and `locks`: lists to look at.

use clap::Args;

use super::arguments::{ApiArgs, Span};
use super::call::Api;
use crate::cli::Global;
use crate::cli::listing::Column;
use crate::cli::outcome::{Failed, Outcome};

/// Look at events, newest first, or at one with its body and what the rules made of it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown events --since 10m
  ringdown events --state review
  ringdown events evt-42            by its sender's id, or by its number")]
pub(in crate::cli) struct EventArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// One event: its number, or the id that its sender gave it. `show EVENT` is the same.
    #[arg(value_name = "EVENT", num_args = 0..=2)]
    id: Vec<String>,
    /// Only these states, with commas: received, decided, review.
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// Only of this source.
    #[arg(long)]
    source: Option<String>,
    /// Only of incidents in this target.
    #[arg(long)]
    target: Option<String>,
    /// Only with a decision of this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Only of incidents with this key.
    #[arg(long)]
    key: Option<String>,
    /// Only of this incident.
    #[arg(long)]
    incident: Option<String>,
    #[command(flatten)]
    span: Span,
}

/// The one item that is named, as `ID` or as `show ID`.
fn shown_one(words: &[String]) -> Result<Option<&str>, Failed> {
    match words {
        [] => Ok(None),
        [id] => Ok(Some(id)),
        [show, id] if show == "show" => Ok(Some(id)),
        [_, more, ..] => Err(Failed::usage(format!("{more:?} is one argument too many"))),
    }
}

const EVENTS: &[Column] = &[
    Column::text("number", "/id").rank(0),
    Column::age("age", "/received_at"),
    Column::text("source", "/source").rank(2),
    Column::text("event", "/event_id").rank(0),
    Column::text("state", "/state").rank(0),
    Column::id("incident", "/incident_id"),
];

pub(in crate::cli) async fn events(args: EventArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "events")?;
    if let Some(id) = shown_one(&args.id)? {
        return api.show(id).await;
    }
    let query = vec![
        ("state", args.state),
        ("source", args.source),
        ("target", args.target),
        ("rule", args.rule),
        ("key", args.key),
        ("incident", args.incident),
    ];
    api.list_span(query, args.span, EVENTS).await
}

/// Look at deliveries, newest first, or at one with its content.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown deliveries --state waiting,parked
  ringdown deliveries --target servicenow --since 1h
  ringdown deliveries 4711")]
pub(in crate::cli) struct DeliveryArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// One delivery. `show ID` is the same.
    #[arg(value_name = "ID", num_args = 0..=2)]
    id: Vec<String>,
    /// Only these states, with commas: waiting, parked, sending, done, dead, discarded.
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// Only of this target.
    #[arg(long)]
    target: Option<String>,
    /// Only this operation: create, update, resolve, link.
    #[arg(long)]
    operation: Option<String>,
    /// Only of this failure kind, such as network_failure.
    #[arg(long)]
    kind: Option<String>,
    /// Only of this source.
    #[arg(long)]
    source: Option<String>,
    /// Only of this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Only of incidents with this key.
    #[arg(long)]
    key: Option<String>,
    /// Only of this incident.
    #[arg(long)]
    incident: Option<String>,
    #[command(flatten)]
    span: Span,
}

const DELIVERIES: &[Column] = &[
    Column::text("id", "/id").rank(0),
    Column::age("age", "/created_at").rank(4),
    Column::text("target", "/target").rank(0),
    Column::text("operation", "/operation"),
    Column::text("state", "/state").rank(0),
    Column::text("tries", "/attempts").rank(5),
    Column::due("next", "/next_attempt_at").rank(3),
    Column::id("incident", "/incident_id").rank(4),
    Column::text("waits", "/waits_for").rank(2),
    Column::text("last error", "/last_error/message").rank(0),
    Column::text("event", "/event_id").wide(),
    Column::age("settled", "/settled_at").wide(),
];

pub(in crate::cli) async fn deliveries(args: DeliveryArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "deliveries")?;
    if let Some(id) = shown_one(&args.id)? {
        return api.show(id).await;
    }
    let query = vec![
        ("state", args.state),
        ("target", args.target),
        ("operation", args.operation),
        ("kind", args.kind),
        ("source", args.source),
        ("rule", args.rule),
        ("key", args.key),
        ("incident", args.incident),
    ];
    api.list_span(query, args.span, DELIVERIES).await
}

/// Say who changed what, newest first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown audit
  ringdown audit --since 1d -o wide      with the details")]
pub(in crate::cli) struct AuditArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    span: Span,
}

const AUDIT: &[Column] = &[
    Column::age("age", "/at"),
    Column::text("who", "/actor").rank(0),
    Column::text("what", "/action").rank(0),
    Column::text("which", "/subject").rank(0),
    Column::text("why", "/detail/reason"),
    Column::text("detail", "/detail").wide(),
];

pub(in crate::cli) async fn audit(args: AuditArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "audit")?;
    api.list_span(Vec::new(), args.span, AUDIT).await
}

/// Look at the burst locks that hold: keys that get no second ticket yet.
#[derive(Debug, Args)]
pub(in crate::cli) struct LockArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Only of this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Only with this correlation key.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    span: Span,
}

const LOCKS: &[Column] = &[
    Column::text("rule", "/rule"),
    Column::text("key", "/key").rank(0),
    Column::age("ends", "/locked_until").rank(0),
    Column::age("taken", "/taken_at").rank(3),
    Column::id("incident", "/incident_id").rank(2),
];

pub(in crate::cli) async fn locks(args: LockArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "locks")?;
    let query = vec![("rule", args.rule), ("key", args.key)];
    api.list_span(query, args.span, LOCKS).await
}
