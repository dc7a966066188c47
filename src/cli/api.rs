//! Commands on the admin API: incidents, dead letters, review items.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::outcome::{Failed, Outcome};
use super::table::{self, Column};
use super::{Global, Output, config, print};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the admin API is.
#[derive(Debug, Clone, Args)]
pub(super) struct ApiArgs {
    /// The daemon's admin address.
    #[arg(long, env = "RINGDOWN_URL", default_value = "http://127.0.0.1:9090")]
    url: String,
    /// An admin token.
    #[arg(long, env = "RINGDOWN_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Filters of a list.
#[derive(Debug, Default, Args)]
pub(super) struct ListArgs {
    /// Only this state.
    #[arg(long)]
    state: Option<String>,
    /// Only this target.
    #[arg(long)]
    target: Option<String>,
    /// Only this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Only this correlation key.
    #[arg(long)]
    key: Option<String>,
    /// Only this source.
    #[arg(long)]
    source: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

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
    /// Newest first.
    List(ListArgs),
    /// One incident with its history, deliveries and events.
    Show {
        /// The incident's id.
        id: String,
    },
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
    /// Newest first.
    List(ListArgs),
    /// One dead letter with its payload.
    Show {
        /// The dead letter's id.
        id: String,
    },
    /// Try them again.
    Replay(Selection),
    /// Give them up for good.
    Discard(Selection),
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
    /// Newest first.
    List(ListArgs),
    /// One review item with its body.
    Show {
        /// The review item's id.
        id: String,
    },
    /// Read them again with today's rules.
    Reprocess(Selection),
    /// Give them up for good.
    Discard(Selection),
}

/// Which items an action is about.
#[derive(Debug, Args)]
struct Selection {
    /// Ids.
    ids: Vec<String>,
    /// All of them (that --target or --kind leave over).
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// With --all: only this target.
    #[arg(long, requires = "all")]
    target: Option<String>,
    /// With --all: only this failure kind.
    #[arg(long, requires = "all")]
    kind: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

const INCIDENT_COLUMNS: &[Column] = &[
    ("opened", "/opened_at"),
    ("state", "/state"),
    ("severity", "/severity"),
    ("rule", "/rule"),
    ("key", "/key"),
    ("ticket", "/ticket/number"),
    ("target", "/ticket/target"),
    ("events", "/occurrences"),
    ("suppressed", "/suppressed"),
    ("id", "/id"),
];
const DEAD_LETTER_COLUMNS: &[Column] = &[
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
const REVIEW_COLUMNS: &[Column] = &[
    ("id", "/id"),
    ("received", "/received_at"),
    ("source", "/source"),
    ("event", "/event_id"),
    ("reason", "/reason"),
];

/// `ringdown incidents`.
pub(super) async fn incidents(args: IncidentArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global)?;
    match args.command {
        Some(IncidentCommand::Show { id }) => api.show("incidents", &id).await,
        Some(IncidentCommand::List(list)) => api.list("incidents", &list, INCIDENT_COLUMNS).await,
        None => {
            let all = ListArgs {
                limit: 50,
                ..ListArgs::default()
            };
            api.list("incidents", &all, INCIDENT_COLUMNS).await
        }
    }
}

/// `ringdown dead-letters`.
pub(super) async fn dead_letters(args: DeadLetterArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global)?;
    let place = "dead-letters";
    match args.command {
        Some(DeadLetterCommand::Show { id }) => api.show(place, &id).await,
        Some(DeadLetterCommand::List(list)) => api.list(place, &list, DEAD_LETTER_COLUMNS).await,
        Some(DeadLetterCommand::Replay(which)) => api.act(place, "replay", &which).await,
        Some(DeadLetterCommand::Discard(which)) => api.act(place, "discard", &which).await,
        None => {
            let all = ListArgs {
                limit: 50,
                ..ListArgs::default()
            };
            api.list(place, &all, DEAD_LETTER_COLUMNS).await
        }
    }
}

/// `ringdown review`.
pub(super) async fn review(args: ReviewArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global)?;
    match args.command {
        Some(ReviewCommand::Show { id }) => api.show("review", &id).await,
        Some(ReviewCommand::List(list)) => api.list("review", &list, REVIEW_COLUMNS).await,
        Some(ReviewCommand::Reprocess(which)) => api.act("review", "reprocess", &which).await,
        Some(ReviewCommand::Discard(which)) => api.act("review", "discard", &which).await,
        None => {
            let all = ListArgs {
                limit: 50,
                ..ListArgs::default()
            };
            api.list("review", &all, REVIEW_COLUMNS).await
        }
    }
}

/// The admin API of a running daemon.
struct Api {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
    output: Output,
}

impl Api {
    fn new(args: ApiArgs, global: &Global) -> Result<Self, Failed> {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| Failed::usage(error.to_string()))?;
        Ok(Self {
            client,
            base: format!("{}/api/v1", args.url.trim_end_matches('/')),
            token: args.token,
            output: global.output,
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Value, Failed> {
        let url = format!("{}/{path}", self.base);
        let mut request = self.client.request(method, &url).query(query);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request
            .send()
            .await
            .map_err(|error| Failed::not_fine(format!("no answer from {url}: {error}")))?;
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let detail = table::shown(body.get("detail").or(body.get("title")));
        Err(Failed::not_fine(format!("{status}: {detail}")))
    }

    async fn list(&self, place: &str, list: &ListArgs, columns: &[Column]) -> Outcome {
        let mut query = vec![("limit", list.limit.to_string())];
        for (name, value) in [
            ("state", &list.state),
            ("target", &list.target),
            ("rule", &list.rule),
            ("key", &list.key),
            ("source", &list.source),
        ] {
            query.extend(value.clone().map(|value| (name, value)));
        }
        let page = self.call(Method::GET, place, &query).await?;
        if self.output == Output::Json {
            print(&config::pretty(&page));
            return Ok(ExitCode::SUCCESS);
        }
        let items = page.get("items").and_then(Value::as_array);
        match items.map(Vec::as_slice) {
            None | Some([]) => print(&format!("No {place}.")),
            Some(items) => print(&table::render(items, columns)),
        }
        if page.get("next").is_some_and(|next| !next.is_null()) {
            print("There are more; raise --limit or filter.");
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn show(&self, place: &str, id: &str) -> Outcome {
        let item = self
            .call(Method::GET, &format!("{place}/{id}"), &[])
            .await?;
        print(&config::pretty(&item));
        Ok(ExitCode::SUCCESS)
    }

    async fn act(&self, place: &str, action: &str, which: &Selection) -> Outcome {
        if which.all {
            return self.act_on_all(place, action, which).await;
        }
        if which.ids.is_empty() {
            return Err(Failed::usage(format!(
                "say which ids to {action}, or --all"
            )));
        }
        for id in &which.ids {
            self.call(Method::POST, &format!("{place}/{id}/{action}"), &[])
                .await?;
            print(&format!("{action}: {id}"));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn act_on_all(&self, place: &str, action: &str, which: &Selection) -> Outcome {
        if !which.yes && !confirmed(place, action)? {
            return Err(Failed::not_fine("nothing was changed"));
        }
        let mut query = Vec::new();
        for (name, value) in [("target", &which.target), ("kind", &which.kind)] {
            query.extend(value.clone().map(|value| (name, value)));
        }
        if query.is_empty() && action == "discard" {
            query.push(("all", "true".to_owned()));
        }
        let answer = self
            .call(Method::POST, &format!("{place}/{action}"), &query)
            .await?;
        match self.output {
            Output::Json => print(&config::pretty(&answer)),
            Output::Table => print(&format!("{action}: {}", counted(&answer))),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The number in an answer such as `{"replayed": 3}`.
fn counted(answer: &Value) -> String {
    let first = answer.as_object().and_then(|object| object.values().next());
    table::shown(Some(first.unwrap_or(&json!("done"))))
}

/// Asks on a terminal; without one the answer must be `--yes`.
fn confirmed(place: &str, action: &str) -> Result<bool, Failed> {
    if !std::io::stdin().is_terminal() {
        return Err(Failed::usage(format!(
            "{action} --all changes many {place}; add --yes"
        )));
    }
    let mut out = std::io::stdout();
    let _ = write!(out, "{action} all matching {place}? [y/N] ");
    let _ = out.flush();
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
