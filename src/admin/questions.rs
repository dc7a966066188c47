//! What each list and each change in bulk can be asked. A parameter that does not stand here is
//! refused, and the description of the API is made from the same tables.

/// Parameters in the query of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters {
    pub(super) filters: &'static [&'static str],
    /// The values of the filter `state`.
    pub(super) states: &'static [&'static str],
    /// Parameters that are no filters, and their values; without values, any text.
    pub(super) options: &'static [(&'static str, &'static [&'static str])],
    /// Whether the answer comes in pages.
    pub(super) is_paged: bool,
}

/// A kind of request, by its parameters.
pub(super) trait Question: Send + Sync + 'static {
    const PARAMETERS: Parameters;
}

const NOTHING: Parameters = Parameters {
    filters: &[],
    states: &[],
    options: &[],
    is_paged: false,
};
const PAGED: Parameters = Parameters {
    is_paged: true,
    ..NOTHING
};
const FLAG: &[&str] = &["true", "false"];

macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident = $parameters:expr;)+) => {
        $(
            $(#[$doc])*
            pub(super) enum $name {}

            impl Question for $name {
                const PARAMETERS: Parameters = $parameters;
            }
        )+
    };
}

const OF_DEAD_LETTERS: &[&str] = &[
    "since",
    "until",
    "source",
    "target",
    "rule",
    "key",
    "incident",
    "kind",
    "operation",
    "like",
];
/// A settled review item cannot be settled again, so that there is no filter by state.
const OF_OPEN_REVIEW: &[&str] = &["since", "until", "source", "event_id", "like"];

questions! {
    Events = Parameters {
        filters: &[
            "since", "until", "state", "source", "target", "rule", "key", "incident", "event_id",
        ],
        states: &["received", "decided", "review"],
        ..PAGED
    };
    Why = Parameters {
        options: &[("q", &[])],
        ..NOTHING
    };
    Incidents = Parameters {
        filters: &[
            "since", "until", "state", "severity", "source", "target", "rule", "key", "outage",
            "ticket",
        ],
        states: &["pending", "open", "recovered", "closed"],
        options: &[("sort", &["newest", "worst"])],
        ..PAGED
    };
    Deliveries = Parameters {
        filters: &[
            "since", "until", "state", "source", "target", "rule", "key", "incident", "kind",
            "operation",
        ],
        states: &["waiting", "parked", "sending", "done", "dead", "discarded"],
        ..PAGED
    };
    DeadLetters = Parameters {
        filters: OF_DEAD_LETTERS,
        ..PAGED
    };
    Review = Parameters {
        filters: &["since", "until", "state", "source", "event_id", "like"],
        states: &["open", "reprocessed", "discarded"],
        options: &[("group", &["reason"])],
        ..PAGED
    };
    /// A timeline is one incident's, and is read from its beginning.
    Timeline = PAGED;
    Silences = Parameters {
        filters: &["since", "until", "state"],
        states: &["pending", "active", "expired"],
        ..PAGED
    };
    Locks = Parameters {
        filters: &["since", "until", "rule", "key"],
        ..PAGED
    };
    Audit = Parameters {
        filters: &["since", "until"],
        ..PAGED
    };
    ReplayOne = Parameters {
        options: &[("as_stored", FLAG), ("plan", FLAG)],
        ..NOTHING
    };
    ReplayMany = Parameters {
        filters: OF_DEAD_LETTERS,
        options: &[("as_stored", FLAG), ("plan", FLAG), ("ids", FLAG)],
        ..NOTHING
    };
    DiscardMany = Parameters {
        filters: OF_DEAD_LETTERS,
        ..NOTHING
    };
    SettleReview = Parameters {
        filters: OF_OPEN_REVIEW,
        ..NOTHING
    };
    NewSilence = Parameters {
        options: &[("dry_run", FLAG)],
        ..NOTHING
    };
}
