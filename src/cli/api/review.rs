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
    #[command(flatten)]
    list: ReviewList,
    #[command(subcommand)]
    command: Option<ReviewCommand>,
}

#[derive(Debug, Args)]
struct ReviewList {
    /// Only these states, with commas: open, reprocessed, discarded.
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    #[command(flatten)]
    filter: ReviewFilter,
    #[command(flatten)]
    span: Span,
}

impl ReviewList {
    fn query(&self) -> Query {
        [vec![("state", self.state.clone())], self.filter.query()].concat()
    }

    /// Groups are of open items, of all times; only their source and their number can be asked for.
    fn can_be_groups(&self) -> bool {
        let Self {
            state,
            filter,
            span,
        } = self;
        [state, &filter.event, &filter.like, &span.since, &span.until]
            .iter()
            .all(|one| one.is_none())
    }

    async fn run(self, api: &Api) -> Outcome {
        api.list_span(self.query(), self.span, REVIEW_ITEMS).await
    }
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// Open ones with equal reasons as one, the most frequent first; what `ringdown review` alone
    /// does, unless it is asked for a time, a state, an event or what is like one.
    Groups {
        /// Only of this source.
        #[arg(long)]
        source: Option<String>,
    },
    /// One by one, newest first.
    List(ReviewList),
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
    fn query(&self) -> Query {
        vec![
            ("source", self.source.clone()),
            ("event_id", self.event.clone()),
            ("like", self.like.clone()),
        ]
    }
}

const REVIEW_GROUPS: &[Column] = &[
    Column::text("items", "/count").rank(0),
    Column::text("source", "/source").rank(2),
    Column::age("newest", "/newest_at").rank(3),
    Column::text("example", "/example"),
    Column::text("reason", "/reason").rank(0),
];
const REVIEW_ITEMS: &[Column] = &[
    Column::text("id", "/id").rank(0),
    Column::age("age", "/received_at"),
    Column::text("source", "/source").rank(2),
    Column::text("event", "/event_id").rank(3),
    Column::text("reason", "/reason").rank(0),
];

pub(in crate::cli) async fn review(args: ReviewArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "review")?;
    if args.command.is_some() {
        args.list.span.is_not_before_a_command(&args.list.query())?;
    }
    match args.command {
        None if args.list.can_be_groups() => {
            groups(&api, args.list.filter.source, args.list.span.limit).await
        }
        None => args.list.run(&api).await,
        Some(ReviewCommand::Groups { source }) => groups(&api, source, Span::LIMIT).await,
        Some(ReviewCommand::Show { id }) => api.show(&id).await,
        Some(ReviewCommand::List(list)) => list.run(&api).await,
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
async fn groups(api: &Api, source: Option<String>, limit: u32) -> Outcome {
    let query = vec![("group", Some("reason".to_owned())), ("source", source)];
    api.list(query, limit, REVIEW_GROUPS).await
}
