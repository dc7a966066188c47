//! `ringdown dead-letters`: look at them, see what a replay would do, replay or discard them.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::arguments::{ApiArgs, Query, Selection, Span};
use super::call::Api;
use super::replay::{self, HowReplayed};
use crate::cli::listing::Column;
use crate::cli::outcome::Outcome;
use crate::cli::{Global, Output, print};

/// Look at dead letters, replay or discard them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown dead-letters
  ringdown dead-letters replay --plan --all --like 17   what would come of it, without doing it
  ringdown dead-letters replay --all --yes --like 17 --wait
  ringdown dead-letters replay 17 --wait 1m")]
pub(in crate::cli) struct DeadLetterArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    list: DeadLetterList,
    #[command(subcommand)]
    command: Option<DeadLetterCommand>,
}

#[derive(Debug, Args)]
struct DeadLetterList {
    #[command(flatten)]
    filter: DeadLetterFilter,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Subcommand)]
enum DeadLetterCommand {
    /// Newest first; what `ringdown dead-letters` alone does.
    List(DeadLetterList),
    /// One dead letter with its payload.
    Show {
        /// The dead letter's id.
        id: String,
    },
    /// Send them again at once, rendered from the present configuration. Deliveries that are parked alone
    /// can be replayed too, also by --all; one that waits for its target only by its id. What may have
    /// worked is looked up in the CRM first.
    Replay {
        #[command(flatten)]
        which: Selection,
        #[command(flatten)]
        how: HowReplayed,
        #[command(flatten)]
        filter: DeadLetterFilter,
    },
    /// Give them up for good. With a create its incident is closed and its key is released: the
    /// next breach opens a new incident. A create is refused for ten minutes after an answer of the
    /// CRM was lost, because its ticket may still come.
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

impl DeadLetterFilter {
    fn query(&self) -> Query {
        vec![
            ("target", self.target.clone()),
            ("kind", self.kind.clone()),
            ("rule", self.rule.clone()),
            ("key", self.key.clone()),
            ("incident", self.incident.clone()),
            ("like", self.like.clone()),
        ]
    }
}

/// What a discard did besides.
const DISCARDED: &str = "An incident whose create was discarded is closed, and its key is released: the next breach \
     opens a new incident. A create whose ticket may exist is looked up first, and discarded if it is not there.";

const DEAD_LETTERS: &[Column] = &[
    Column::text("id", "/id").rank(0),
    Column::age("age", "/created_at").rank(3),
    Column::text("target", "/target").rank(0),
    Column::text("operation", "/operation").rank(2),
    Column::text("tries", "/attempts").rank(6),
    Column::text("kind", "/kind").rank(4),
    Column::text("code", "/error_code").rank(5),
    Column::text("key", "/key"),
    Column::text("message", "/message").rank(0),
    Column::text("rule", "/rule").wide(),
    Column::id("incident", "/incident_id").wide(),
    Column::text("event", "/event_id").wide(),
];

pub(in crate::cli) async fn dead_letters(args: DeadLetterArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "dead-letters")?;
    if args.command.is_some() {
        args.list
            .span
            .is_not_before_a_command(&args.list.filter.query())?;
    }
    match args.command {
        None => list(&api, args.list).await,
        Some(DeadLetterCommand::Show { id }) => api.show(&id).await,
        Some(DeadLetterCommand::List(asked)) => list(&api, asked).await,
        Some(DeadLetterCommand::Replay { which, how, filter }) => {
            replay::run(&api, &which, &how, filter.query()).await
        }
        Some(DeadLetterCommand::Discard { which, filter }) => {
            let done = api.act("discard", &which, filter.query(), Vec::new()).await;
            if done.as_ref().is_ok_and(|code| *code == ExitCode::SUCCESS)
                && api.output() != Output::Json
            {
                print(DISCARDED);
            }
            done
        }
    }
}

async fn list(api: &Api, asked: DeadLetterList) -> Outcome {
    let query = asked.filter.query();
    api.list_span(query, asked.span, DEAD_LETTERS).await
}
