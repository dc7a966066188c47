//! `ringdown review`: events that were not understood.

use clap::{Args, Subcommand};

use super::arguments::{ApiArgs, Query, Selection, Span};
use super::call::Api;
use crate::cli::listing::Column;
use crate::cli::outcome::Outcome;
use crate::cli::{Global, print};

/// Look at review items, reprocess or discard them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown review
  ringdown review show 17
  ringdown review reprocess --all --yes --like 17")]
pub(in crate::cli) struct ReviewArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Option<ReviewCommand>,
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// Open ones with equal reasons as one, the most frequent first; what `ringdown review` alone
    /// does.
    Groups {
        /// Only of this source.
        #[arg(long)]
        source: Option<String>,
    },
    /// One by one, newest first.
    List {
        /// Only these states, with commas: open, reprocessed, discarded.
        #[arg(long, value_name = "STATES")]
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

impl ReviewFilter {
    fn query(self) -> Query {
        vec![
            ("source", self.source),
            ("event_id", self.event),
            ("like", self.like),
        ]
    }
}

const REVIEW_GROUPS: &[Column] = &[
    Column::text("items", "/count"),
    Column::text("source", "/source"),
    Column::age("newest", "/newest_at"),
    Column::text("example", "/example"),
    Column::text("reason", "/reason"),
];
const REVIEW_ITEMS: &[Column] = &[
    Column::text("id", "/id"),
    Column::age("age", "/received_at"),
    Column::text("source", "/source"),
    Column::text("event", "/event_id"),
    Column::text("reason", "/reason"),
];

pub(in crate::cli) async fn review(args: ReviewArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "review")?;
    match args.command {
        None => groups(&api, None).await,
        Some(ReviewCommand::Groups { source }) => groups(&api, source).await,
        Some(ReviewCommand::Show { id }) => api.show(&id).await,
        Some(ReviewCommand::List {
            state,
            filter,
            span,
        }) => {
            let query = [vec![("state", state)], filter.query()].concat();
            api.list_span(query, span, REVIEW_ITEMS).await
        }
        Some(ReviewCommand::Reprocess { which, filter }) => {
            let done = api.act("reprocess", &which, filter.query(), Vec::new());
            let done = done.await?;
            if !api.output().is_json() {
                print(
                    "What is still not understood comes back under a new number: ringdown review",
                );
            }
            Ok(done)
        }
        Some(ReviewCommand::Discard { which, filter }) => {
            api.act("discard", &which, filter.query(), Vec::new()).await
        }
    }
}

/// The id in `like` stands for its group: `ringdown review discard --all --like ID`.
async fn groups(api: &Api, source: Option<String>) -> Outcome {
    let query = vec![("group", Some("reason".to_owned())), ("source", source)];
    api.list(query, Span::LIMIT, REVIEW_GROUPS).await
}
