//! Every metric, in one registry that is passed around, never global.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::stage::Stage;
use super::version::{COMMIT, VERSION};
use super::{ConnectionMetrics, SourceCounters};
use crate::domain::identity::TargetName;

/// Bounds of the time-to-ticket buckets, in seconds.
const TIME_TO_TICKET_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0,
];

fn of_seconds() -> Histogram {
    Histogram::new(TIME_TO_TICKET_BUCKETS)
}

type Labels<const N: usize> = [(&'static str, String); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

fn labels<const N: usize>(values: [(&'static str, &str); N]) -> Labels<N> {
    values.map(|(name, value)| (name, value.to_owned()))
}

/// Declares the fields of [`Metrics`]: type, name without the prefix `ringdown_`, help text, and
/// where the default will not do, the initial value.
macro_rules! metrics {
    (@initial) => { Default::default() };
    (@initial $initial:expr) => { $initial };
    ($($field:ident: $type:ty, $name:literal, $help:literal $(, $initial:expr)?;)+) => {
        /// All metrics. Cheap to clone; clones count into the same registry.
        #[derive(Debug, Clone)]
        pub struct Metrics {
            registry: Arc<Registry>,
            $($field: $type,)+
        }

        impl Metrics {
            fn registered() -> Self {
                let mut registry = Registry::with_prefix("ringdown");
                $(
                    let $field: $type = metrics!(@initial $($initial)?);
                    registry.register($name, $help, $field.clone());
                )+
                Self { registry: Arc::new(registry), $($field,)+ }
            }
        }
    };
}

metrics! {
    admin_refused: Counters<1>, "admin_refused",
        "Requests that the admin listener refused by reason: host, token, guessing";
    webhook_requests: Counters<2>, "webhook_requests",
        "Webhook requests by source and answered status";
    events: Counters<2>, "events",
        "Events received, by source and outcome: accepted, duplicate, review";
    signals: Counters<2>, "signals",
        "Signals by rule and result: breach, clear, none, error";
    damaged_entities: Counters<1>, "damaged_entities",
        "Stored states of queues, trunks, Edges and other things that could not be read and began anew, by source";
    suppressed: Counters<2>, "suppressed",
        "Breaches that opened no ticket, by rule and reason";
    incidents: Gauges<1>, "incidents",
        "Incidents by state";
    flapping: Gauge, "flapping_incidents",
        "Incidents that come and go, and are held open until they are calm";
    omitted_fields: Counters<2>, "omitted_fields",
        "Fields that the CRM refused and that were left out, by target and field";
    deliveries: Counters<3>, "deliveries",
        "Calls to targets by operation and outcome: ok or a failure kind";
    delivery_queue: Gauges<1>, "delivery_queue",
        "Deliveries that are not done, by target";
    dead_letters: Gauges<2>, "dead_letters",
        "Dead letters by target and failure kind";
    incomplete_tickets: Gauges<1>, "incomplete_tickets",
        "Tickets that are not closed and lack fields that the CRM refused, by target";
    review_items: Gauges<1>, "review_items",
        "Review items waiting for a person, by source";
    review_items_dropped: Counters<1>, "review_items_dropped",
        "Open review items dropped because their source has too many, by source";
    time_to_ticket: Histogram, "time_to_ticket_seconds",
        "Time from event received to ticket confirmed", of_seconds();
    ticket_stages: Family<Labels<1>, Histogram, fn() -> Histogram>, "ticket_stage_seconds",
        "The same by stage: durable, decided, claimed, answered, confirmed",
        Family::new_with_constructor(of_seconds);
    journal_lag: Gauge<f64, AtomicU64>, "journal_lag_seconds",
        "Age of the oldest event that is not yet decided";
    target_up: Gauges<1>, "target_up",
        "1 when the target takes deliveries, 0 while it is paused (by the CRM or by a person), held or its circuit is open";
    target_paused: Gauges<1>, "target_paused",
        "1 while a person has paused the target, otherwise 0";
    token_refreshes: Counters<2>, "token_refreshes",
        "Credential renewals by target and outcome: ok, failed";
    sync_calls: Counters<2>, "sync_calls",
        "Times that a target was to be asked what people did, by outcome: ok, nothing_open or a failure kind";
    ticket_changes: Counters<2>, "ticket_changes",
        "Tickets seen in a target, by what that did: noted, closed, same, older, not_ours";
    callback_requests: Counters<2>, "callback_requests",
        "Callbacks by target and answered status";
    dropped_requests: Counters<3>, "dropped_requests",
        "Requests that were too slow, found no room or came from a source that is held back, by route (webhooks, callbacks), source or target, and reason";
    enrichment_calls: Counters<2>, "enrichment_calls",
        "Calls to the Genesys Cloud Platform API by what was asked and what came of it";
    failovers: Counters<2>, "failovers",
        "Tickets that another target took over before they existed, by the one that could not be reached and the other";
    open_connections: Gauges<1>, "open_connections",
        "Open connections by listener: public, admin";
    connections_evicted: Counters<1>, "connections_evicted",
        "Idle connections that were closed because another needed their place, by listener";
    log_lines_dropped: Counter, "log_lines_dropped",
        "Log lines that were dropped, because standard error could not be written or was too slow";
    task_restarts: Counters<1>, "task_restarts",
        "Restarts of a part of the process after it panicked or ended by itself, by part";
    build_info: Gauges<2>, "build_info", "The running version and the commit that it was built from";
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A fresh registry with every metric at zero.
    pub fn new() -> Self {
        let metrics = Self::registered();
        let version = labels([("version", VERSION), ("commit", COMMIT)]);
        metrics.build_info.get_or_create(&version).set(1);
        metrics
    }

    /// The registry in the OpenMetrics text form that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            let _ = writeln!(text, "# encoding failed");
        }
        text
    }

    /// Counts a webhook request and the status it was answered with.
    pub fn webhook_request(&self, source: &str, status: u16) {
        self.webhook_requests
            .get_or_create(&labels([
                ("source", source),
                ("status", &status.to_string()),
            ]))
            .inc();
    }

    /// The usual counters of `source`, which start at zero by this.
    pub fn source_counters(&self, source: &str) -> SourceCounters {
        let request = labels([("source", source), ("status", "202")]);
        let event = |outcome| {
            let event = labels([("source", source), ("outcome", outcome)]);
            self.events.get_or_create(&event).clone()
        };
        SourceCounters {
            answered_202: self.webhook_requests.get_or_create(&request).clone(),
            durable: self.ticket_stage(Stage::Durable),
            accepted: event("accepted"),
            duplicates: event("duplicate"),
            review: event("review"),
        }
    }

    /// What is counted about the connections of `listener`, which starts at zero by this.
    pub fn connections(&self, listener: &str) -> ConnectionMetrics {
        let labels = labels([("listener", listener)]);
        let evicted = &self.connections_evicted;
        ConnectionMetrics {
            open: self.open_connections.get_or_create(&labels).clone(),
            evicted: evicted.get_or_create(&labels).clone(),
        }
    }

    /// Counts a ticket that goes to `to`, because `from` cannot be reached.
    pub fn failover(&self, from: &TargetName, to: &TargetName) {
        let labels = labels([("from", from.as_str()), ("to", to.as_str())]);
        self.failovers.get_or_create(&labels).inc();
    }

    /// The counter of log lines that were dropped.
    pub fn log_lines_dropped(&self) -> Counter {
        self.log_lines_dropped.clone()
    }

    /// The counter of restarts of the part `task`, which starts at zero by this.
    pub fn task_restarts(&self, task: &str) -> Counter {
        self.task_restarts
            .get_or_create(&labels([("task", task)]))
            .clone()
    }

    /// Counts `count` events of `source` with `outcome` accepted, duplicate or review.
    pub fn events(&self, source: &str, outcome: &str, count: u64) {
        if count > 0 {
            self.events
                .get_or_create(&labels([("source", source), ("outcome", outcome)]))
                .inc_by(count);
        }
    }

    /// Counts `count` signals by what `rule` said: breach, clear or none.
    pub fn signals(&self, rule: &str, outcome: &str, count: u64) {
        self.signals
            .get_or_create(&labels([("rule", rule), ("outcome", outcome)]))
            .inc_by(count);
    }

    /// Counts a stored state of an entity that could not be read.
    pub fn damaged_entity(&self, source: &str) {
        self.damaged_entities
            .get_or_create(&labels([("source", source)]))
            .inc();
    }

    /// Counts a breach that opened no ticket.
    pub fn suppressed(&self, rule: &str, reason: &str, count: u64) {
        self.suppressed
            .get_or_create(&labels([("rule", rule), ("reason", reason)]))
            .inc_by(count);
    }

    /// Sets how many incidents are in `state`.
    pub fn set_incidents(&self, state: &str, count: i64) {
        self.incidents
            .get_or_create(&labels([("state", state)]))
            .set(count);
    }

    /// Sets how many incidents are held open because they flap.
    pub fn set_flapping(&self, count: i64) {
        self.flapping.set(count);
    }

    /// Counts a call to a target: `outcome` is `ok` or a failure kind.
    pub fn delivery(&self, target: &TargetName, operation: &str, outcome: &str) {
        self.deliveries
            .get_or_create(&labels([
                ("target", target.as_str()),
                ("operation", operation),
                ("outcome", outcome),
            ]))
            .inc();
    }

    /// A ticket of `target` was created without `field`.
    pub fn omitted_field(&self, target: &TargetName, field: &str) {
        let labels = labels([("target", target.as_str()), ("field", field)]);
        self.omitted_fields.get_or_create(&labels).inc();
    }

    /// Sets how many deliveries are owed to `target`.
    pub fn set_delivery_queue(&self, target: &TargetName, count: i64) {
        self.delivery_queue
            .get_or_create(&labels([("target", target.as_str())]))
            .set(count);
    }

    /// Sets how many dead letters of `kind` wait for `target`.
    pub fn set_dead_letters(&self, target: &TargetName, kind: &str, count: i64) {
        self.dead_letters
            .get_or_create(&labels([("target", target.as_str()), ("kind", kind)]))
            .set(count);
    }

    /// Sets how many tickets of `target` lack fields.
    pub fn set_incomplete_tickets(&self, target: &TargetName, count: i64) {
        self.incomplete_tickets
            .get_or_create(&labels([("target", target.as_str())]))
            .set(count);
    }

    /// Sets how many review items of `source` wait for a person.
    pub fn set_review_items(&self, source: &str, count: i64) {
        self.review_items
            .get_or_create(&labels([("source", source)]))
            .set(count);
    }

    /// Counts `count` open review items of `source` that were dropped.
    pub fn review_items_dropped(&self, source: &str, count: u64) {
        self.review_items_dropped
            .get_or_create(&labels([("source", source)]))
            .inc_by(count);
    }

    /// Observes the time from event received to ticket confirmed, in seconds.
    pub fn time_to_ticket(&self, seconds: f64) {
        self.time_to_ticket.observe(seconds);
    }

    /// Observes the time that a stage of a ticket took.
    pub fn stage(&self, stage: Stage, took: Duration) {
        self.ticket_stage(stage).observe(took.as_secs_f64());
    }

    fn ticket_stage(&self, stage: Stage) -> Histogram {
        self.ticket_stages
            .get_or_create(&labels([("stage", stage.as_str())]))
            .clone()
    }

    /// Sets the age of the oldest undecided event, in seconds.
    pub fn set_journal_lag(&self, seconds: f64) {
        self.journal_lag.set(seconds);
    }

    /// Sets whether `target` takes deliveries.
    pub fn set_target_up(&self, target: &TargetName, up: bool) {
        self.target_up
            .get_or_create(&labels([("target", target.as_str())]))
            .set(i64::from(up));
    }

    /// Sets whether a person has paused `target`.
    pub fn set_target_paused(&self, target: &TargetName, paused: bool) {
        self.target_paused
            .get_or_create(&labels([("target", target.as_str())]))
            .set(i64::from(paused));
    }

    /// Counts `count` credential renewals of `target` that ended in `outcome`: ok or failed.
    pub fn token_refreshes(&self, target: &TargetName, outcome: &str, count: u64) {
        if count > 0 {
            self.token_refreshes
                .get_or_create(&labels([("target", target.as_str()), ("outcome", outcome)]))
                .inc_by(count);
        }
    }

    /// Counts a time that `target` was to be asked what people did: ok, `nothing_open` or a
    /// failure kind.
    pub fn sync_call(&self, target: &TargetName, outcome: &str) {
        self.sync_calls
            .get_or_create(&labels([("target", target.as_str()), ("outcome", outcome)]))
            .inc();
    }

    /// Counts a ticket seen in `target` by what that did.
    pub fn ticket_change(&self, target: &TargetName, outcome: &str) {
        self.ticket_changes
            .get_or_create(&labels([("target", target.as_str()), ("outcome", outcome)]))
            .inc();
    }

    /// Counts a call to the Platform API, `names` or `standings`: `ok` or a failure kind.
    pub fn enrichment_call(&self, call: &str, outcome: &str) {
        self.enrichment_calls
            .get_or_create(&labels([("call", call), ("outcome", outcome)]))
            .inc();
    }

    /// Counts a request that the admin listener refused: for its `host`, a wrong `token`, or
    /// `guessing`.
    pub fn admin_refused(&self, reason: &str) {
        self.admin_refused
            .get_or_create(&labels([("reason", reason)]))
            .inc();
    }

    /// Counts a request that was dropped because it was slow, there was no room for it, or its
    /// source is held back:
    /// `route` is `webhooks` or `callbacks`, `name` that of the source or target.
    pub fn request_dropped(&self, route: &str, name: &str, reason: &str) {
        self.dropped_requests
            .get_or_create(&labels([
                ("route", route),
                ("name", name),
                ("reason", reason),
            ]))
            .inc();
    }

    /// Counts a callback of `target` by the status it was answered with.
    pub fn callback_request(&self, target: &str, status: u16) {
        self.callback_requests
            .get_or_create(&labels([
                ("target", target),
                ("status", &status.to_string()),
            ]))
            .inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_keep_the_names_that_dashboards_use() {
        let metrics = Metrics::new();
        let servicenow = TargetName::new("servicenow");
        metrics.webhook_request("genesys", 202);
        metrics.events("genesys", "accepted", 2);
        metrics.signals("queue-wait", "breach", 1);
        metrics.suppressed("queue-wait", "burst_lock", 1);
        metrics.set_incidents("open", 1);
        metrics.set_flapping(2);
        metrics.delivery(&servicenow, "create", "ok");
        metrics.set_delivery_queue(&servicenow, 0);
        metrics.set_dead_letters(&servicenow, "network_failure", 0);
        metrics.set_incomplete_tickets(&servicenow, 2);
        metrics.set_review_items("genesys", 0);
        metrics.review_items_dropped("genesys", 3);
        metrics.time_to_ticket(0.02);
        metrics.stage(Stage::Claimed, Duration::from_millis(20));
        metrics.set_journal_lag(0.5);
        metrics.set_target_up(&servicenow, true);
        metrics.token_refreshes(&servicenow, "ok", 1);
        let text = metrics.render();
        for line in [
            r#"ringdown_webhook_requests_total{source="genesys",status="202"} 1"#,
            r#"ringdown_events_total{source="genesys",outcome="accepted"} 2"#,
            r#"ringdown_signals_total{rule="queue-wait",outcome="breach"} 1"#,
            r#"ringdown_suppressed_total{rule="queue-wait",reason="burst_lock"} 1"#,
            r#"ringdown_incidents{state="open"} 1"#,
            "ringdown_flapping_incidents 2",
            r#"ringdown_deliveries_total{target="servicenow",operation="create",outcome="ok"} 1"#,
            r#"ringdown_delivery_queue{target="servicenow"} 0"#,
            r#"ringdown_dead_letters{target="servicenow",kind="network_failure"} 0"#,
            r#"ringdown_incomplete_tickets{target="servicenow"} 2"#,
            r#"ringdown_review_items{source="genesys"} 0"#,
            r#"ringdown_review_items_dropped_total{source="genesys"} 3"#,
            "ringdown_time_to_ticket_seconds_count 1",
            r#"ringdown_ticket_stage_seconds_count{stage="claimed"} 1"#,
            "ringdown_journal_lag_seconds 0.5",
            r#"ringdown_target_up{target="servicenow"} 1"#,
            r#"ringdown_token_refreshes_total{target="servicenow",outcome="ok"} 1"#,
            concat!(
                r#"ringdown_build_info{version=""#,
                env!("CARGO_PKG_VERSION"),
                r#"",commit=""#,
                env!("RINGDOWN_COMMIT"),
                r#""} 1"#
            ),
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
