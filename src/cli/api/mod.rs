//! Commands on the admin API: incidents, dead letters, review items, silences.
//!
//! Owns what can be asked; `call` knows how to ask and how to print what comes back.

mod arguments;
mod call;
mod incident;
mod silences;
mod status;
mod why;

use clap::{Args, Subcommand};

use super::Global;
use super::outcome::Outcome;
use super::table::Column;
use arguments::{ApiArgs, Query, Selection, Span};
use call::Api;
pub(super) use silences::{SilenceArgs, silences};
pub(super) use status::{StatusArgs, status};
pub(super) use why::{WhyArgs, why};

/// Look at incidents.
#[derive(Debug, Args)]
pub(super) struct IncidentArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Option<IncidentCommand>,
}

#[derive(Debug, Subcommand)]
enum IncidentCommand {
    /// Newest first; what `ringdown incidents` alone does.
    List(IncidentList),
    /// Sources that begin too many incidents, and how many keys are held without a ticket.
    Floods,
    /// Open a ticket for each key that a flood holds and that still breaches.
    Release(FloodSelection),
    /// Close what a flood holds without tickets.
    Discard {
        #[command(flatten)]
        which: FloodSelection,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// One incident with its ticket, readings and timeline.
    Show {
        /// The incident's id, its ticket's number, or its correlation key where that is one
        /// incident's alone.
        id: String,
        /// Entries of the timeline at most.
        #[arg(long, default_value_t = 500)]
        limit: usize,
    },
}

#[derive(Debug, Args)]
struct FloodSelection {
    /// The source of the flood.
    #[arg(long)]
    source: String,
}

#[derive(Debug, Args)]
struct IncidentList {
    /// Only this state: pending, open, recovered or closed.
    #[arg(long)]
    state: Option<String>,
    /// Only of this source.
    #[arg(long)]
    source: Option<String>,
    /// Only with a ticket in this target.
    #[arg(long)]
    target: Option<String>,
    /// Only of this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Only with this correlation key.
    #[arg(long)]
    key: Option<String>,
    /// Only members of the outage with this id.
    #[arg(long)]
    outage: Option<String>,
    /// Only with this ticket number.
    #[arg(long)]
    ticket: Option<String>,
    #[command(flatten)]
    span: Span,
}

/// Look at dead letters, replay or discard them.
#[derive(Debug, Args)]
pub(super) struct DeadLetterArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Option<DeadLetterCommand>,
}

#[derive(Debug, Subcommand)]
enum DeadLetterCommand {
    /// Newest first; what `ringdown dead-letters` alone does.
    List {
        #[command(flatten)]
        filter: DeadLetterFilter,
        #[command(flatten)]
        span: Span,
    },
    /// One dead letter with its payload.
    Show {
        /// The dead letter's id.
        id: String,
    },
    /// Try them again at once, rendered from the present configuration.
    Replay {
        #[command(flatten)]
        which: Selection,
        /// Send what is stored, and do not render it again.
        #[arg(long)]
        as_stored: bool,
        #[command(flatten)]
        filter: DeadLetterFilter,
    },
    /// Give them up for good. With a create its incident is closed and its key is released: the
    /// next breach opens a new incident.
    Discard {
        #[command(flatten)]
        which: Selection,
        #[command(flatten)]
        filter: DeadLetterFilter,
    },
}

#[derive(Debug, Args)]
struct DeadLetterFilter {
    /// Only of this target.
    #[arg(long)]
    target: Option<String>,
    /// Only of this failure kind, such as network_failure.
    #[arg(long)]
    kind: Option<String>,
    /// Only of this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Only with this correlation key.
    #[arg(long)]
    key: Option<String>,
    /// Only of this incident.
    #[arg(long)]
    incident: Option<String>,
    /// Only those that died for the same reason as the one with this id.
    #[arg(long, value_name = "ID")]
    like: Option<String>,
}

/// Look at review items, reprocess or discard them.
#[derive(Debug, Args)]
pub(super) struct ReviewArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Option<ReviewCommand>,
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// Newest first; what `ringdown review` alone does.
    List {
        /// Only this state: open, reprocessed or discarded.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        filter: ReviewFilter,
        #[command(flatten)]
        span: Span,
    },
    /// One review item with its body.
    Show {
        /// The review item's id.
        id: String,
    },
    /// Read them again with today's rules.
    Reprocess {
        #[command(flatten)]
        which: Selection,
        #[command(flatten)]
        filter: ReviewFilter,
    },
    /// Give them up for good.
    Discard {
        #[command(flatten)]
        which: Selection,
        #[command(flatten)]
        filter: ReviewFilter,
    },
}

#[derive(Debug, Args)]
struct ReviewFilter {
    /// Only of this source.
    #[arg(long)]
    source: Option<String>,
    /// Only of the event with this id.
    #[arg(long)]
    event: Option<String>,
    /// Only those with the same reason as the one with this id.
    #[arg(long, value_name = "ID")]
    like: Option<String>,
}

impl IncidentList {
    fn query(self) -> Query {
        let mut query = vec![
            ("state", self.state),
            ("source", self.source),
            ("target", self.target),
            ("rule", self.rule),
            ("key", self.key),
            ("outage", self.outage),
            ("ticket", self.ticket),
        ];
        query.extend(self.span.query());
        query
    }
}

impl DeadLetterFilter {
    fn query(self) -> Query {
        vec![
            ("target", self.target),
            ("kind", self.kind),
            ("rule", self.rule),
            ("key", self.key),
            ("incident", self.incident),
            ("like", self.like),
        ]
    }
}

impl ReviewFilter {
    fn query(self) -> Query {
        vec![
            ("source", self.source),
            ("event_id", self.event),
            ("like", self.like),
        ]
    }
}

const INCIDENTS: &[Column] = &[
    ("opened", "/opened_at"),
    ("state", "/state"),
    ("severity", "/severity"),
    ("rule", "/rule"),
    ("key", "/key"),
    ("ticket", "/ticket/number"),
    ("target", "/ticket/target"),
    ("events", "/occurrences"),
    ("suppressed", "/suppressed"),
    ("no ticket", "/ticket/missing"),
    ("waits for", "/waits/for"),
    ("until", "/waits/until"),
    ("members", "/members"),
    ("outage", "/outage_id"),
    ("id", "/id"),
];
const FLOODS: &[Column] = &[
    ("source", "/source"),
    ("held", "/held"),
    ("since", "/opened_at"),
    ("ticket", "/ticket_number"),
    ("incident", "/incident_id"),
];
const DEAD_LETTERS: &[Column] = &[
    ("id", "/id"),
    ("created", "/created_at"),
    ("target", "/target"),
    ("operation", "/operation"),
    ("kind", "/kind"),
    ("code", "/error_code"),
    ("message", "/message"),
    ("event", "/event_id"),
    ("tries", "/attempts"),
];
const REVIEW_ITEMS: &[Column] = &[
    ("id", "/id"),
    ("received", "/received_at"),
    ("source", "/source"),
    ("event", "/event_id"),
    ("reason", "/reason"),
];

pub(super) async fn incidents(args: IncidentArgs, global: &Global) -> Outcome {
    let place = match args.command {
        Some(
            IncidentCommand::Floods | IncidentCommand::Release(_) | IncidentCommand::Discard { .. },
        ) => "floods",
        _ => "incidents",
    };
    let api = Api::new(args.api, global, place)?;
    match args.command {
        None => api.list(Vec::new(), Span::LIMIT, INCIDENTS).await,
        Some(IncidentCommand::Floods) => api.list(Vec::new(), Span::LIMIT, FLOODS).await,
        Some(IncidentCommand::Release(which)) => {
            api.act_on_one(&which.source, "release", true).await
        }
        Some(IncidentCommand::Discard { which, yes }) => {
            api.act_on_one(&which.source, "discard", yes).await
        }
        Some(IncidentCommand::Show { id, limit }) => api.show_incident(&id, limit).await,
        Some(IncidentCommand::List(list)) => {
            let limit = list.span.limit;
            api.list(list.query(), limit, INCIDENTS).await
        }
    }
}

pub(super) async fn dead_letters(args: DeadLetterArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "dead-letters")?;
    match args.command {
        None => api.list(Vec::new(), Span::LIMIT, DEAD_LETTERS).await,
        Some(DeadLetterCommand::Show { id }) => api.show(&id).await,
        Some(DeadLetterCommand::List { filter, span }) => {
            let limit = span.limit;
            let query = [filter.query(), span.query()].concat();
            api.list(query, limit, DEAD_LETTERS).await
        }
        Some(DeadLetterCommand::Replay {
            which,
            as_stored,
            filter,
        }) => {
            let options = match as_stored {
                true => vec![("as_stored", Some("true".to_owned()))],
                false => Vec::new(),
            };
            api.act("replay", &which, filter.query(), options).await
        }
        Some(DeadLetterCommand::Discard { which, filter }) => {
            api.act("discard", &which, filter.query(), Vec::new()).await
        }
    }
}

pub(super) async fn review(args: ReviewArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "review")?;
    match args.command {
        None => api.list(Vec::new(), Span::LIMIT, REVIEW_ITEMS).await,
        Some(ReviewCommand::Show { id }) => api.show(&id).await,
        Some(ReviewCommand::List {
            state,
            filter,
            span,
        }) => {
            let limit = span.limit;
            let query = [vec![("state", state)], filter.query(), span.query()].concat();
            api.list(query, limit, REVIEW_ITEMS).await
        }
        Some(ReviewCommand::Reprocess { which, filter }) => {
            api.act("reprocess", &which, filter.query(), Vec::new())
                .await
        }
        Some(ReviewCommand::Discard { which, filter }) => {
            api.act("discard", &which, filter.query(), Vec::new()).await
        }
    }
}
