//! The options of a storm.

use clap::{Args, ValueEnum};

/// Send a load of events to a daemon on this machine.
#[derive(Debug, Clone, Args)]
pub struct StormArgs {
    /// Where events go.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/genesys")]
    pub url: String,
    /// The value of the Authorization header, such as "Bearer …".
    #[arg(
        long,
        visible_alias = "auth",
        env = "RINGDOWN_STORM_AUTHORIZATION",
        hide_env_values = true
    )]
    pub authorization: Option<String>,
    /// How many different events, at most ten million.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub events: u64,
    /// Over how many queues.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub queues: u64,
    /// The share of requests that is sent a second time, such as 5%.
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = percent)]
    pub duplicates: f64,
    /// The share of events that breaches 300 s.
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = percent)]
    pub breaching: f64,
    /// Events per second, or `max`: as fast as answers come.
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = rate)]
    pub rate: Rate,
    /// Connections at once.
    #[arg(long, default_value_t = 64, value_parser = at_once)]
    pub connections: usize,
    /// A new connection for each request, as Genesys's EventBridge destination does.
    #[arg(long)]
    pub new_connections: bool,
    /// Send again for a minute what is answered 503, as Genesys does.
    #[arg(long)]
    pub repeat_refused: bool,
    /// Events per request; more than one makes an array.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub batch: u64,
    /// What an event looks like.
    #[arg(long, value_enum, default_value_t = Shape::Guide)]
    pub shape: Shape,
    /// First part of event ids and queue names; another one makes new incidents.
    #[arg(long, default_value = "Storm")]
    pub prefix: String,
    /// The same seed makes the same events; repeated against one daemon they are duplicates.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The address is not this machine's, and I may put load on it.
    #[arg(long)]
    pub i_own_this_host: bool,
}

/// What an event of a storm looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// The guide's event: one queue, one average.
    Guide,
    /// A queue observation of Genesys Cloud in its EventBridge envelope.
    Observation,
}

/// How fast a storm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As fast as answers come.
    Max,
    /// So many events per second; never zero.
    PerSecond(u64),
}

fn percent(text: &str) -> Result<f64, String> {
    text.trim_end_matches('%')
        .parse()
        .ok()
        .filter(|share| (0.0..=100.0).contains(share))
        .ok_or_else(|| "is to be a share from 0% to 100%".to_owned())
}

fn rate(text: &str) -> Result<Rate, String> {
    match text.parse() {
        _ if text == "max" => Ok(Rate::Max),
        Ok(events) if events > 0 => Ok(Rate::PerSecond(events)),
        _ => Err("is to be a number of events per second, or max".to_owned()),
    }
}

fn at_once(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=10_000).contains(count))
        .ok_or_else(|| "is to be a number from 1 to 10000".to_owned())
}
