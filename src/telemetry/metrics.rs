//! Every metric of the contract, in one registry that is passed around, never global.

use std::fmt::Write;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::ConnectionMetrics;

/// Bounds of the time-to-ticket buckets, in seconds.
const TIME_TO_TICKET_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0,
];

macro_rules! labels {
    ($($name:ident { $($label:ident),+ })+) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $name { $($label: String),+ }
    )+};
}

labels! {
    AdminRefusedLabels { reason }
    RequestLabels { source, status }
    EventLabels { source, outcome }
    SignalLabels { rule, outcome }
    SuppressedLabels { rule, reason }
    IncidentLabels { state }
    DeliveryLabels { target, operation, outcome }
    TargetLabels { target }
    DeadLetterLabels { target, kind }
    ReviewLabels { source }
    TokenLabels { target, outcome }
    SyncLabels { target, outcome }
    TicketChangeLabels { target, outcome }
    CallbackLabels { target, status }
    DroppedRequestLabels { route, name, reason }
    EnrichmentLabels { call, outcome }
    FailoverLabels { from, to }
    ListenerLabels { listener }
    TaskLabels { task }
    BuildLabels { version }
}

/// All metrics. Cheap to clone; clones count into the same registry.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: std::sync::Arc<Registry>,
    admin_refused: Family<AdminRefusedLabels, Counter>,
    webhook_requests: Family<RequestLabels, Counter>,
    events: Family<EventLabels, Counter>,
    signals: Family<SignalLabels, Counter>,
    suppressed: Family<SuppressedLabels, Counter>,
    incidents: Family<IncidentLabels, Gauge>,
    flapping: Gauge,
    deliveries: Family<DeliveryLabels, Counter>,
    delivery_queue: Family<TargetLabels, Gauge>,
    dead_letters: Family<DeadLetterLabels, Gauge>,
    review_items: Family<ReviewLabels, Gauge>,
    review_items_dropped: Family<ReviewLabels, Counter>,
    time_to_ticket: Histogram,
    journal_lag: Gauge<f64, std::sync::atomic::AtomicU64>,
    target_up: Family<TargetLabels, Gauge>,
    token_refreshes: Family<TokenLabels, Counter>,
    sync_calls: Family<SyncLabels, Counter>,
    ticket_changes: Family<TicketChangeLabels, Counter>,
    callback_requests: Family<CallbackLabels, Counter>,
    dropped_requests: Family<DroppedRequestLabels, Counter>,
    enrichment_calls: Family<EnrichmentLabels, Counter>,
    failovers: Family<FailoverLabels, Counter>,
    open_connections: Family<ListenerLabels, Gauge>,
    connections_evicted: Family<ListenerLabels, Counter>,
    log_lines_dropped: Counter,
    task_restarts: Family<TaskLabels, Counter>,
}

/// The counters that nearly every webhook of a source moves, looked up once instead of per
/// request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceCounters {
    answered_202: Counter,
    accepted: Counter,
    duplicates: Counter,
    review: Counter,
}

impl SourceCounters {
    /// Counts a webhook that was answered with 202.
    pub fn answered_202(&self) {
        self.answered_202.inc();
    }

    /// Counts events by what became of them.
    pub fn events(&self, accepted: u64, duplicates: u64, review: u64) {
        self.accepted.inc_by(accepted);
        self.duplicates.inc_by(duplicates);
        self.review.inc_by(review);
    }

    /// All events so far, whatever became of them: it grows when the source is heard.
    pub fn heard(&self) -> u64 {
        self.accepted.get() + self.duplicates.get() + self.review.get()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A fresh registry with every metric at zero.
    #[expect(
        clippy::too_many_lines,
        reason = "one registration per metric of the contract, nothing else"
    )]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("ringdown");
        let admin_refused = family(
            &mut registry,
            "admin_refused",
            "Requests that the admin listener refused by reason: host, token, guessing",
        );
        let webhook_requests = family(
            &mut registry,
            "webhook_requests",
            "Webhook requests by source and answered status",
        );
        let events = family(
            &mut registry,
            "events",
            "Events received, by source and outcome: accepted, duplicate, review",
        );
        let signals = family(
            &mut registry,
            "signals",
            "Signals by rule and what the rule said: breach, clear, none",
        );
        let suppressed = family(
            &mut registry,
            "suppressed",
            "Breaches that opened no ticket, by rule and reason",
        );
        let deliveries = family(
            &mut registry,
            "deliveries",
            "Calls to targets by operation and outcome: ok or a failure kind",
        );
        let token_refreshes = family(
            &mut registry,
            "token_refreshes",
            "Credential renewals by target and outcome: ok, failed",
        );
        let sync_calls = family(
            &mut registry,
            "sync_calls",
            "Times that a target was to be asked what people did, by outcome: ok, nothing_open or a failure kind",
        );
        let ticket_changes = family(
            &mut registry,
            "ticket_changes",
            "Tickets seen in a target, by what that did: noted, closed, same, older, not_ours",
        );
        let enrichment_calls = family(
            &mut registry,
            "enrichment_calls",
            "Calls to the Genesys Cloud Platform API by what was asked and what came of it",
        );
        let callback_requests = family(
            &mut registry,
            "callback_requests",
            "Callbacks by target and answered status",
        );
        let dropped_requests = family(
            &mut registry,
            "dropped_requests",
            "Requests that were too slow, found no room or came from a source that is held back, by route (webhooks, callbacks), source or target, and reason",
        );
        let failovers = family(
            &mut registry,
            "failovers",
            "Tickets that another target took over before they existed, by the one that could not be reached and the other",
        );
        let open_connections = family(
            &mut registry,
            "open_connections",
            "Open connections by listener: public, admin",
        );
        let connections_evicted = family(
            &mut registry,
            "connections_evicted",
            "Idle connections that were closed because another needed their place, by listener",
        );
        let log_lines_dropped = Counter::default();
        registry.register(
            "log_lines_dropped",
            "Log lines that were dropped, because standard error could not be written or was too slow",
            log_lines_dropped.clone(),
        );
        let task_restarts = family(
            &mut registry,
            "task_restarts",
            "Restarts of a part of the process after it panicked or ended by itself, by part",
        );
        let incidents = family(&mut registry, "incidents", "Incidents by state");
        let flapping = Gauge::default();
        registry.register(
            "flapping_incidents",
            "Incidents that come and go, and are held open until they are calm",
            flapping.clone(),
        );
        let delivery_queue = family(
            &mut registry,
            "delivery_queue",
            "Deliveries owed and not yet done, by target",
        );
        let dead_letters = family(
            &mut registry,
            "dead_letters",
            "Dead letters by target and failure kind",
        );
        let review_items = family(
            &mut registry,
            "review_items",
            "Review items waiting for a person, by source",
        );
        let review_items_dropped = family(
            &mut registry,
            "review_items_dropped",
            "Open review items dropped because their source has too many, by source",
        );
        let target_up = family(
            &mut registry,
            "target_up",
            "1 when the target takes deliveries, 0 while it is paused, held or its circuit is open",
        );
        let time_to_ticket = Histogram::new(TIME_TO_TICKET_BUCKETS);
        registry.register(
            "time_to_ticket_seconds",
            "Time from event received to ticket confirmed",
            time_to_ticket.clone(),
        );
        let journal_lag = Gauge::default();
        registry.register(
            "journal_lag_seconds",
            "Age of the oldest event that is not yet decided",
            journal_lag.clone(),
        );
        let build_info: Family<BuildLabels, Gauge> =
            family(&mut registry, "build_info", "The running version");
        build_info
            .get_or_create(&BuildLabels {
                version: env!("CARGO_PKG_VERSION").to_owned(),
            })
            .set(1);
        Self {
            registry: std::sync::Arc::new(registry),
            admin_refused,
            webhook_requests,
            events,
            signals,
            suppressed,
            incidents,
            flapping,
            deliveries,
            delivery_queue,
            dead_letters,
            review_items,
            review_items_dropped,
            time_to_ticket,
            journal_lag,
            target_up,
            token_refreshes,
            sync_calls,
            ticket_changes,
            callback_requests,
            dropped_requests,
            enrichment_calls,
            failovers,
            open_connections,
            connections_evicted,
            log_lines_dropped,
            task_restarts,
        }
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
            .get_or_create(&RequestLabels {
                source: source.to_owned(),
                status: status.to_string(),
            })
            .inc();
    }

    /// The usual counters of `source`, which start at zero by this.
    pub fn source_counters(&self, source: &str) -> SourceCounters {
        let request = RequestLabels {
            source: source.to_owned(),
            status: "202".to_owned(),
        };
        let event = |outcome: &str| {
            let source = source.to_owned();
            let outcome = outcome.to_owned();
            let labels = EventLabels { source, outcome };
            self.events.get_or_create(&labels).clone()
        };
        SourceCounters {
            answered_202: self.webhook_requests.get_or_create(&request).clone(),
            accepted: event("accepted"),
            duplicates: event("duplicate"),
            review: event("review"),
        }
    }

    /// What is counted about the connections of `listener`, which starts at zero by this.
    pub fn connections(&self, listener: &str) -> ConnectionMetrics {
        let listener = listener.to_owned();
        let labels = ListenerLabels { listener };
        let evicted = &self.connections_evicted;
        ConnectionMetrics {
            open: self.open_connections.get_or_create(&labels).clone(),
            evicted: evicted.get_or_create(&labels).clone(),
        }
    }

    /// Counts a ticket that goes to `to`, because `from` cannot be reached.
    pub fn failover(&self, from: &str, to: &str) {
        let (from, to) = (from.to_owned(), to.to_owned());
        let labels = FailoverLabels { from, to };
        self.failovers.get_or_create(&labels).inc();
    }

    /// The counter of log lines that were dropped.
    pub fn log_lines_dropped(&self) -> Counter {
        self.log_lines_dropped.clone()
    }

    /// The counter of restarts of the part `task`, which starts at zero by this.
    pub fn task_restarts(&self, task: &str) -> Counter {
        let task = task.to_owned();
        self.task_restarts
            .get_or_create(&TaskLabels { task })
            .clone()
    }

    /// Counts `count` events of `source` with `outcome` accepted, duplicate or review.
    pub fn events(&self, source: &str, outcome: &str, count: u64) {
        if count > 0 {
            self.events
                .get_or_create(&EventLabels {
                    source: source.to_owned(),
                    outcome: outcome.to_owned(),
                })
                .inc_by(count);
        }
    }

    /// Counts `count` signals by what `rule` said: breach, clear or none.
    pub fn signals(&self, rule: &str, outcome: &str, count: u64) {
        self.signals
            .get_or_create(&SignalLabels {
                rule: rule.to_owned(),
                outcome: outcome.to_owned(),
            })
            .inc_by(count);
    }

    /// Counts a breach that opened no ticket.
    pub fn suppressed(&self, rule: &str, reason: &str, count: u64) {
        self.suppressed
            .get_or_create(&SuppressedLabels {
                rule: rule.to_owned(),
                reason: reason.to_owned(),
            })
            .inc_by(count);
    }

    /// Sets how many incidents are in `state`.
    pub fn set_incidents(&self, state: &str, count: i64) {
        self.incidents
            .get_or_create(&IncidentLabels {
                state: state.to_owned(),
            })
            .set(count);
    }

    /// Sets how many incidents are held open because they flap.
    pub fn set_flapping(&self, count: i64) {
        self.flapping.set(count);
    }

    /// Counts a call to a target: `outcome` is `ok` or a failure kind.
    pub fn delivery(&self, target: &str, operation: &str, outcome: &str) {
        self.deliveries
            .get_or_create(&DeliveryLabels {
                target: target.to_owned(),
                operation: operation.to_owned(),
                outcome: outcome.to_owned(),
            })
            .inc();
    }

    /// Sets how many deliveries are owed to `target`.
    pub fn set_delivery_queue(&self, target: &str, count: i64) {
        self.delivery_queue
            .get_or_create(&TargetLabels {
                target: target.to_owned(),
            })
            .set(count);
    }

    /// Sets how many dead letters of `kind` wait for `target`.
    pub fn set_dead_letters(&self, target: &str, kind: &str, count: i64) {
        self.dead_letters
            .get_or_create(&DeadLetterLabels {
                target: target.to_owned(),
                kind: kind.to_owned(),
            })
            .set(count);
    }

    /// Sets how many review items of `source` wait for a person.
    pub fn set_review_items(&self, source: &str, count: i64) {
        self.review_items
            .get_or_create(&ReviewLabels {
                source: source.to_owned(),
            })
            .set(count);
    }

    /// Counts `count` open review items of `source` that were dropped.
    pub fn review_items_dropped(&self, source: &str, count: u64) {
        self.review_items_dropped
            .get_or_create(&ReviewLabels {
                source: source.to_owned(),
            })
            .inc_by(count);
    }

    /// Observes the time from event received to ticket confirmed, in seconds.
    pub fn time_to_ticket(&self, seconds: f64) {
        self.time_to_ticket.observe(seconds);
    }

    /// Sets the age of the oldest undecided event, in seconds.
    pub fn set_journal_lag(&self, seconds: f64) {
        self.journal_lag.set(seconds);
    }

    /// Sets whether `target` takes deliveries.
    pub fn set_target_up(&self, target: &str, up: bool) {
        self.target_up
            .get_or_create(&TargetLabels {
                target: target.to_owned(),
            })
            .set(i64::from(up));
    }

    /// Counts `count` credential renewals of `target` that ended in `outcome`: ok or failed.
    pub fn token_refreshes(&self, target: &str, outcome: &str, count: u64) {
        if count > 0 {
            self.token_refreshes
                .get_or_create(&TokenLabels {
                    target: target.to_owned(),
                    outcome: outcome.to_owned(),
                })
                .inc_by(count);
        }
    }

    /// Counts a time that `target` was to be asked what people did: ok, `nothing_open` or a
    /// failure kind.
    pub fn sync_call(&self, target: &str, outcome: &str) {
        self.sync_calls
            .get_or_create(&SyncLabels {
                target: target.to_owned(),
                outcome: outcome.to_owned(),
            })
            .inc();
    }

    /// Counts a ticket seen in `target` by what that did.
    pub fn ticket_change(&self, target: &str, outcome: &str) {
        self.ticket_changes
            .get_or_create(&TicketChangeLabels {
                target: target.to_owned(),
                outcome: outcome.to_owned(),
            })
            .inc();
    }

    /// Counts a call to the Platform API, `names` or `standings`: `ok` or a failure kind.
    pub fn enrichment_call(&self, call: &str, outcome: &str) {
        self.enrichment_calls
            .get_or_create(&EnrichmentLabels {
                call: call.to_owned(),
                outcome: outcome.to_owned(),
            })
            .inc();
    }

    /// Counts a request that the admin listener refused: for its `host`, a wrong `token`, or
    /// `guessing`.
    pub fn admin_refused(&self, reason: &str) {
        self.admin_refused
            .get_or_create(&AdminRefusedLabels {
                reason: reason.to_owned(),
            })
            .inc();
    }

    /// Counts a request that was dropped because it was slow, there was no room for it, or its
    /// source is held back:
    /// `route` is `webhooks` or `callbacks`, `name` that of the source or target.
    pub fn request_dropped(&self, route: &str, name: &str, reason: &str) {
        self.dropped_requests
            .get_or_create(&DroppedRequestLabels {
                route: route.to_owned(),
                name: name.to_owned(),
                reason: reason.to_owned(),
            })
            .inc();
    }

    /// Counts a callback of `target` by the status it was answered with.
    pub fn callback_request(&self, target: &str, status: u16) {
        self.callback_requests
            .get_or_create(&CallbackLabels {
                target: target.to_owned(),
                status: status.to_string(),
            })
            .inc();
    }
}

/// Registers a family of metrics under `name`. Counters get the suffix `_total` when rendered.
fn family<L, M>(registry: &mut Registry, name: &str, help: &str) -> Family<L, M>
where
    L: EncodeLabelSet + Clone + std::hash::Hash + Eq + Send + Sync + std::fmt::Debug + 'static,
    M: Default
        + prometheus_client::encoding::EncodeMetric
        + prometheus_client::metrics::TypedMetric
        + Send
        + Sync
        + std::fmt::Debug
        + 'static,
    fn() -> M: MetricConstructor<M>,
{
    let family = Family::<L, M>::default();
    registry.register(name, help, family.clone());
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_contract() {
        let metrics = Metrics::new();
        metrics.webhook_request("genesys", 202);
        metrics.events("genesys", "accepted", 2);
        metrics.signals("queue-wait", "breach", 1);
        metrics.suppressed("queue-wait", "burst_lock", 1);
        metrics.set_incidents("open", 1);
        metrics.set_flapping(2);
        metrics.delivery("servicenow", "create", "ok");
        metrics.set_delivery_queue("servicenow", 0);
        metrics.set_dead_letters("servicenow", "network_failure", 0);
        metrics.set_review_items("genesys", 0);
        metrics.review_items_dropped("genesys", 3);
        metrics.time_to_ticket(0.02);
        metrics.set_journal_lag(0.5);
        metrics.set_target_up("servicenow", true);
        metrics.token_refreshes("servicenow", "ok", 1);
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
            r#"ringdown_review_items{source="genesys"} 0"#,
            r#"ringdown_review_items_dropped_total{source="genesys"} 3"#,
            "ringdown_time_to_ticket_seconds_count 1",
            "ringdown_journal_lag_seconds 0.5",
            r#"ringdown_target_up{target="servicenow"} 1"#,
            r#"ringdown_token_refreshes_total{target="servicenow",outcome="ok"} 1"#,
            concat!(
                r#"ringdown_build_info{version=""#,
                env!("CARGO_PKG_VERSION"),
                r#""} 1"#
            ),
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
