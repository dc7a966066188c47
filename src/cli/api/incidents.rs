//! `ringdown incidents`: lists, and what an operator does with one incident.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::arguments::{ApiArgs, Query, Span};
use super::call::Api;
use crate::cli::Global;
use crate::cli::listing::Column;
use crate::cli::outcome::{Failed, Outcome};
use crate::cli::table::shown_at;

/// Look at incidents, and act on one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown incidents                                 what goes on, the worst first
  ringdown incidents --state open,pending --since 1h
  ringdown incidents --all --rule queue-wait         also what is over, the newest first
  ringdown incidents --outage INC0012345             its members that go on, the worst first
  ringdown incidents show INC0012345
  ringdown incidents note 01a22811 \"The carrier is informed\"
  ringdown incidents close 01a22811 --reason \"a test call\"
  ringdown incidents open-ticket 01a22811 --reason \"do not wait for the outage\"")]
pub(in crate::cli) struct IncidentArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    list: IncidentList,
    #[command(subcommand)]
    command: Option<IncidentCommand>,
}

#[derive(Debug, Subcommand)]
enum IncidentCommand {
    /// What `ringdown incidents` alone does.
    List(IncidentList),
    /// One incident with its ticket, readings and timeline.
    Show {
        #[command(flatten)]
        which: Named,
        /// Entries of the timeline at most.
        #[arg(long, default_value_t = 500)]
        limit: usize,
    },
    /// It is over: close it here and resolve its ticket. The next breach is a new incident.
    Close {
        #[command(flatten)]
        which: Named,
        #[command(flatten)]
        why: Why,
    },
    /// Write a note to its ticket, as a comment.
    Note {
        #[command(flatten)]
        which: Named,
        /// The note.
        text: String,
        /// An id of your own: repeated with it, the note is written once.
        #[arg(long, value_name = "ID")]
        request_id: Option<String>,
    },
    /// Open its ticket now, whatever holds it back. Never a second one.
    OpenTicket {
        #[command(flatten)]
        which: Named,
        #[command(flatten)]
        why: Why,
    },
    /// Take it out of its outage: it goes on alone.
    LeaveOutage {
        #[command(flatten)]
        which: Named,
        #[command(flatten)]
        why: Why,
    },
    /// Put it into an outage: the outage's ticket stands for it too.
    JoinOutage {
        #[command(flatten)]
        which: Named,
        /// The outage: its id, the beginning or the end of the id, its key, or its ticket's number.
        #[arg(long)]
        outage: String,
        #[command(flatten)]
        why: Why,
    },
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
}

#[derive(Debug, Args)]
struct Named {
    /// The incident's id, the beginning or the end of it, its ticket's number, or its correlation
    /// key or name where that is one incident's alone.
    #[arg(value_name = "INCIDENT")]
    id: String,
}

#[derive(Debug, Args)]
struct Why {
    /// Why; others will read it.
    #[arg(long)]
    reason: String,
    /// An id of your own: repeated with it, this is done once.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

#[derive(Debug, Args)]
struct FloodSelection {
    /// The source of the flood.
    #[arg(long)]
    source: String,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Of what is not over; an outage stands for its members.
    Worst,
    Newest,
}

#[derive(Debug, Args)]
struct IncidentList {
    /// Also what is over, and members of outages; the newest first.
    #[arg(long)]
    all: bool,
    /// The order; by default the worst first, and with --all the newest.
    #[arg(long, value_enum)]
    sort: Option<Sort>,
    /// Only these states, with commas: pending, open, recovered, closed.
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// Only these severities, with commas: critical, high, medium, low, info.
    #[arg(long, value_name = "SEVERITIES")]
    severity: Option<String>,
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
    /// Only members of this outage: its id, the beginning or the end of the id, its name, or its ticket's
    /// number. With --all also those that are over.
    #[arg(long)]
    outage: Option<String>,
    /// Only with this ticket number.
    #[arg(long)]
    ticket: Option<String>,
    #[command(flatten)]
    span: Span,
}

impl IncidentList {
    /// What is over and the past are only in the list of the newest.
    fn sort(&self) -> Sort {
        let names_closed = self
            .state
            .as_ref()
            .is_some_and(|states| states.split(',').any(|state| state.trim() == "closed"));
        let is_past = self.all || names_closed || self.ticket.is_some();
        self.sort.unwrap_or(match is_past {
            true => Sort::Newest,
            false => Sort::Worst,
        })
    }

    fn filters(&self) -> Query {
        vec![
            ("state", self.state.clone()),
            ("severity", self.severity.clone()),
            ("source", self.source.clone()),
            ("target", self.target.clone()),
            ("rule", self.rule.clone()),
            ("key", self.key.clone()),
            ("outage", self.outage.clone()),
            ("ticket", self.ticket.clone()),
        ]
    }

    fn query(self) -> Result<Query, Failed> {
        let sort = match self.sort() {
            Sort::Worst => "worst",
            Sort::Newest => "newest",
        };
        let mut query = self.filters();
        query.push(("sort", Some(sort.to_owned())));
        query.extend(self.span.query()?);
        Ok(query)
    }

    async fn run(self, api: &Api) -> Outcome {
        let limit = self.span.limit;
        match self.sort() {
            Sort::Worst => api.list_cards(self.query()?, limit).await,
            Sort::Newest => api.list_incidents(self.query()?, limit, INCIDENTS).await,
        }
    }
}

const INCIDENTS: &[Column] = &[
    Column::severity("severity", "/severity"),
    Column::text("name", "/name").rank(0),
    Column::text("rule", "/rule").rank(6),
    Column::text("state", "/state").rank(0),
    Column::age("age", "/opened_at").rank(3),
    Column::text("reading", "/reading").rank(2),
    Column::text("ticket", "/ticket/number").rank(0),
    Column::text("no ticket", "/no_ticket").rank(2),
    Column::text("members", "/members").rank(5),
    Column::id("id", "/id").rank(4),
    Column::text("key", "/key").wide(),
    Column::text("target", "/ticket/target").wide(),
    Column::text("ticket state", "/ticket/state").wide(),
    Column::text("source", "/source").wide(),
    Column::text("events", "/occurrences").wide(),
    Column::text("suppressed", "/suppressed").wide(),
    Column::text("outage", "/outage").wide(),
];
const FLOODS: &[Column] = &[
    Column::text("source", "/source"),
    Column::text("held", "/held"),
    Column::age("since", "/opened_at"),
    Column::text("ticket", "/ticket_number"),
    Column::id("incident", "/incident_id"),
];

pub(in crate::cli) async fn incidents(args: IncidentArgs, global: &Global) -> Outcome {
    let place = match args.command {
        Some(
            IncidentCommand::Floods | IncidentCommand::Release(_) | IncidentCommand::Discard { .. },
        ) => "floods",
        _ => "incidents",
    };
    let api = Api::new(args.api, global, place)?;
    if args.command.is_some() {
        args.list
            .span
            .is_not_before_a_command(&args.list.filters())?;
    }
    match args.command {
        None => args.list.run(&api).await,
        Some(IncidentCommand::List(list)) => list.run(&api).await,
        Some(IncidentCommand::Floods) => api.list(Vec::new(), Span::LIMIT, FLOODS).await,
        Some(IncidentCommand::Release(which)) => {
            api.act_on_one(&which.source, "release", true).await
        }
        Some(IncidentCommand::Discard { which, yes }) => {
            api.act_on_one(&which.source, "discard", yes).await
        }
        Some(IncidentCommand::Show { which, limit }) => api.show_incident(&which.id, limit).await,
        Some(IncidentCommand::Close { which, why }) => ask(&api, &which, "close", &why).await,
        Some(IncidentCommand::OpenTicket { which, why }) => {
            ask(&api, &which, "open-ticket", &why).await
        }
        Some(IncidentCommand::LeaveOutage { which, why }) => {
            ask(&api, &which, "leave-outage", &why).await
        }
        Some(IncidentCommand::JoinOutage { which, outage, why }) => {
            let body =
                json!({ "reason": why.reason, "request_id": why.request_id, "outage": outage });
            told(&api, &which.id, "join-outage", &body).await
        }
        Some(IncidentCommand::Note {
            which,
            text,
            request_id,
        }) => {
            let body = json!({ "text": text, "request_id": request_id });
            told(&api, &which.id, "note", &body).await
        }
    }
}

async fn ask(api: &Api, which: &Named, action: &str, why: &Why) -> Outcome {
    let body = json!({ "reason": why.reason, "request_id": why.request_id });
    told(api, &which.id, action, &body).await
}

/// Asks for it, and says what came of it.
async fn told(api: &Api, id: &str, action: &str, body: &Value) -> Outcome {
    let answer = api.post(&[id, action], body).await?;
    api.say(&answer, || {
        let text = |pointer: &str| shown_at(&answer, pointer);
        let did = match (text("/state").as_str(), action) {
            ("waiting", _) => "is asked for, and done as soon as Ringdown decides again",
            (_, "close") => "is closed; its ticket, if it has one, is resolved",
            (_, "note") if text("/incident/ticket/id").is_empty() => {
                "has no ticket yet; the note is written to it as soon as there is one"
            }
            (_, "note") => "gets the note on its ticket",
            (_, "open-ticket") => "has its ticket tried now; `ringdown why` says what came of it",
            (_, "join-outage") => "is part of the outage, whose ticket stands for it",
            (_, _) => "goes on without its outage",
        };
        format!(
            "Incident {} ({} {}) {did}.",
            text("/incident/id"),
            text("/incident/rule"),
            text("/incident/key")
        )
    })
}
