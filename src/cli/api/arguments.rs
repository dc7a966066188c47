//! Arguments that several commands on the admin API share.

use clap::Args;

/// Filters by their name in the API; those without a value are left out.
pub(super) type Query = Vec<(&'static str, Option<String>)>;

/// Where the admin API is.
#[derive(Debug, Clone, Args)]
pub(super) struct ApiArgs {
    /// The daemon's admin address; by default `admin.listen` of the configuration.
    #[arg(long, global = true, env = "RINGDOWN_URL")]
    pub(super) url: Option<String>,
    /// An admin token.
    #[arg(long, global = true, env = "RINGDOWN_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
}

/// Which items an action is about.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Their ids.
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<String>,
    /// All of them, or all that the filters leave over.
    #[arg(long)]
    pub(super) all: bool,
    /// Do not ask before --all.
    #[arg(long)]
    pub(super) yes: bool,
}

/// Which stretch of a list.
#[derive(Debug, Args)]
pub(super) struct Span {
    /// Only from this time on, such as 2026-11-23T14:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Only before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = Span::LIMIT, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
}

impl Span {
    pub(super) const LIMIT: u32 = 50;

    pub(super) fn query(self) -> Query {
        vec![("since", self.since), ("until", self.until)]
    }
}
