//! `ringdown silences`: time spans in which no ticket is opened.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};

use super::arguments::{ApiArgs, Selection, Span};
use super::call::Api;

use crate::cli::Global;
use crate::cli::outcome::Outcome;
use crate::cli::table::Column;

/// Look at silences, make or end them.
#[derive(Debug, Args)]
pub(in crate::cli) struct SilenceArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Option<SilenceCommand>,
}

#[derive(Debug, Subcommand)]
enum SilenceCommand {
    /// Newest first; what `ringdown silences` alone does.
    List {
        /// Only this state: pending, active or expired.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        span: Span,
    },
    /// One silence.
    Show {
        /// The silence's id.
        id: String,
    },
    /// Open no ticket for what matches, for a while.
    Create(NewSilence),
    /// End silences now; what still goes on gets its ticket.
    Expire {
        /// Their ids.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("end").required(true)))]
struct NewSilence {
    /// What is silenced: rule=queue-wait, labels.site!=Berlin, key=~Billing.*; may be repeated,
    /// all must hold.
    #[arg(long = "match", value_name = "MATCHER", required = true)]
    matchers: Vec<String>,
    /// For how long, such as 2h.
    #[arg(long = "for", value_name = "DURATION", group = "end")]
    lasts: Option<String>,
    /// Until when, such as 2026-11-23T14:00:00Z.
    #[arg(long, value_name = "TIME", group = "end")]
    ends: Option<String>,
    /// From when; without it, from now.
    #[arg(long, value_name = "TIME")]
    starts: Option<String>,
    /// Why; others will read it.
    #[arg(long)]
    reason: String,
}

impl NewSilence {
    fn body(self) -> Value {
        let mut body = Map::new();
        body.insert("match".to_owned(), json!(self.matchers));
        body.insert("reason".to_owned(), json!(self.reason));
        let times = [
            ("for", self.lasts),
            ("ends_at", self.ends),
            ("starts_at", self.starts),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                body.insert(name.to_owned(), json!(time));
            }
        }
        Value::Object(body)
    }
}

const SILENCES: &[Column] = &[
    ("id", "/id"),
    ("state", "/state"),
    ("match", "/match"),
    ("starts", "/starts_at"),
    ("ends", "/ends_at"),
    ("author", "/author"),
    ("reason", "/reason"),
];

pub(in crate::cli) async fn silences(args: SilenceArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "silences")?;
    match args.command {
        None => api.list(Vec::new(), Span::LIMIT, SILENCES).await,
        Some(SilenceCommand::List { state, span }) => {
            let limit = span.limit;
            let query = [vec![("state", state)], span.query()].concat();
            api.list(query, limit, SILENCES).await
        }
        Some(SilenceCommand::Show { id }) => api.show(&id).await,
        Some(SilenceCommand::Create(new)) => api.create(&new.body()).await,
        Some(SilenceCommand::Expire { ids }) => {
            let which = Selection {
                ids,
                all: false,
                yes: false,
            };
            api.act("expire", &which, Vec::new(), Vec::new()).await
        }
    }
}
