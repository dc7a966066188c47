//! `ringdown silences`: time spans in which no ticket is opened.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};

use super::arguments::{ApiArgs, Selection, Span};
use super::call::Api;
use super::cards::counted;
use crate::cli::Global;
use crate::cli::listing::Column;
use crate::cli::outcome::Outcome;
use crate::cli::table::shown_at;

/// Look at silences, make, extend or end them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown silences
  ringdown silences create --match rule=queue-wait --match labels.site=Berlin --for 2h \\
    --reason \"the carrier changes the trunk\" --dry-run
  ringdown silences extend 17 --for 1h
  ringdown silences expire 17")]
pub(in crate::cli) struct SilenceArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    list: SilenceList,
    #[command(subcommand)]
    command: Option<SilenceCommand>,
}

#[derive(Debug, Args)]
struct SilenceList {
    /// Only this state: pending, active or expired.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Subcommand)]
enum SilenceCommand {
    /// Newest first; what `ringdown silences` alone does.
    List(SilenceList),
    /// One silence.
    Show {
        /// The silence's id.
        id: String,
    },
    /// Open no ticket for what matches, for a while.
    Create(NewSilence),
    /// Let a silence end later.
    Extend {
        /// The silence's id.
        id: String,
        /// How much longer, such as 1h.
        #[arg(
            long = "for",
            value_name = "DURATION",
            required_unless_present = "ends"
        )]
        lasts: Option<String>,
        /// Until when, such as 2026-11-23T14:00:00Z.
        #[arg(long, value_name = "TIME", conflicts_with = "lasts")]
        ends: Option<String>,
    },
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
    /// Only say what it would hit: incidents that go on, and keys of the last 24 hours.
    #[arg(long)]
    dry_run: bool,
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
    Column::text("id", "/id").rank(0),
    Column::text("state", "/state").rank(0),
    Column::age("starts", "/starts_at").rank(5),
    Column::age("ends", "/ends_at"),
    Column::text("author", "/author").rank(4),
    Column::text("match", "/match").rank(0),
    Column::text("reason", "/reason").rank(2),
    Column::text("held back", "/held_back").rank(3),
    Column::text("hits now", "/hits_now").rank(3),
];

pub(in crate::cli) async fn silences(args: SilenceArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "silences")?;
    if args.command.is_some() {
        let filters = vec![("state", args.list.state.clone())];
        args.list.span.is_not_before_a_command(&filters)?;
    }
    match args.command {
        None => list(&api, args.list).await,
        Some(SilenceCommand::List(asked)) => list(&api, asked).await,
        Some(SilenceCommand::Show { id }) => api.show(&id).await,
        Some(SilenceCommand::Create(new)) if new.dry_run => {
            let query = vec![("dry_run", Some("true".to_owned()))];
            let answer = api.post_with(&[], query, &new.body()).await?;
            api.say(&answer, || preview(&api, &answer))
        }
        Some(SilenceCommand::Create(new)) => {
            let query = vec![("dry_run", Some("true".to_owned()))];
            let body = new.body();
            let hits = api.post_with(&[], query, &body).await?;
            let made = api.post(&[], &body).await?;
            api.say(&made, || {
                let head = format!(
                    "Silence {} is made, until {}; it hits {} now.",
                    shown_at(&made, "/id"),
                    shown_at(&made, "/ends_at"),
                    counted(&hits["hits"]["incidents"], "incident", "incidents")
                );
                [vec![head], warnings(&hits)].concat().join("\n")
            })
        }
        Some(SilenceCommand::Extend { id, lasts, ends }) => {
            let body = match ends {
                Some(ends) => json!({ "ends_at": ends }),
                None => json!({ "for": lasts }),
            };
            let answer = api.post(&[&id, "extend"], &body).await?;
            api.say(&answer, || {
                format!("Silence {id} ends at {}.", shown_at(&answer, "/ends_at"))
            })
        }
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

const HITS: &[Column] = &[
    Column::text("name", "/name"),
    Column::text("rule", "/rule"),
    Column::text("key", "/key"),
    Column::text("state", "/state"),
    Column::text("ticket", "/ticket_number"),
    Column::id("id", "/id"),
];

/// What a silence would hit.
fn preview(api: &Api, answer: &Value) -> String {
    let head = format!(
        "It would hit {} that {} on, and {} of {} of the last 24 hours.",
        counted(&answer["hits"]["incidents"], "incident", "incidents"),
        if answer["hits"]["incidents"] == 1 {
            "goes"
        } else {
            "go"
        },
        shown_at(answer, "/hits/keys"),
        counted(&answer["hits"]["keys_known"], "key", "keys")
    );
    let mut parts = [vec![head], warnings(answer)].concat();
    let items = answer.pointer("/hits/items").and_then(Value::as_array);
    let items = items.map_or(&[][..], Vec::as_slice);
    if !items.is_empty() {
        parts.push(api.lines(items, HITS));
    }
    parts.join("\n")
}

fn warnings(answer: &Value) -> Vec<String> {
    let warnings = answer["warnings"].as_array().into_iter().flatten();
    warnings
        .map(|warning| format!("warning: {}", shown_at(warning, "")))
        .collect()
}

async fn list(api: &Api, asked: SilenceList) -> Outcome {
    api.list_span(vec![("state", asked.state)], asked.span, SILENCES)
        .await
}
