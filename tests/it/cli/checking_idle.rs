//! What a configuration says and can never do: groups that nothing shares, sources that no rule hears.

use crate::cli::checking::{
    Mistake, NOBODY, WAIT_EVENTS, WARNING, assert_found, found, mistake, sound,
};

const NOBODY_WHEN: &str = "rules.nobody-there.when";
const OUTAGE: &str =
    "[outages.carrier]\ngroup_by = \"trunks\"\nrules = [\"trunk-down\"]\nat_least = 2";
const SOURCE: &str = "[sources.genesys]\n";
const FEED: &str = "auth = [{ type = \"bearer\", secret = { env = \"GENESYS_WEBHOOK_TOKEN\" } }]\n\n[sources.genesys]\n";
const RULE: &str = "[outages.carrier]\n";

/// A mistake in the `when` of the rule about queues.
const fn queue(by: &'static str, at: &'static str, says: &'static [&'static str]) -> Mistake {
    mistake(WARNING, (NOBODY, by), NOBODY_WHEN, at, says)
}

const NEVER_MET: &[Mistake] = &[
    queue(
        "'!has(metrics[oWaiting].count) && metrics[oWaiting].count > 3'",
        "!has",
        &["never holds", "write has(metrics[oWaiting].count)"],
    ),
    queue(
        "\"metrics[oLongestWaiting].count > 300\"",
        "oLongestWaiting",
        &["how many there are", "metrics[oLongestWaiting].age"],
    ),
    queue(
        "\"metrics[tAbandon].count / metrics[nOffered].count > 0.1\"",
        "\"metrics",
        &[
            "no result where `metrics[nOffered].count` is 0",
            "write metrics[nOffered].count > 0 && metrics[tAbandon].count / metrics[nOffered].count > 0.1",
        ],
    ),
    mistake(
        WARNING,
        (
            WAIT_EVENTS,
            "events = [\"telephony.queue.waiting\", \"v2.analytics.queues.{id}.activity\"]",
        ),
        "rules.queue-wait.events",
        "\"v2.analytics.queues.{id}.activity\"",
        &["contains nothing that `when` or `clear` reads", "remove it"],
    ),
    mistake(
        WARNING,
        (
            RULE,
            "[rules.abandoned]\nevents = [\"v2.detail.events.conversation.{id}.acd.end\"]\nwhen = 'acd_outcome == \"ABANDON\"'\nat_least = 3\nkey = \"{{ conversation_id }}\"\ntargets = [\"servicenow\"]\n[outages.carrier]\n",
        ),
        "rules.abandoned.key",
        "conversation_id",
        &[
            "another one for each conversation",
            "such as {{ queue_id }}",
        ],
    ),
    mistake(
        WARNING,
        (
            RULE,
            "[rules.memory]\nevents = [\"v2.telephony.providers.edges.{id}.metrics\"]\nwhen = \"metrics[memory[physcal].availableBytes].value < 1000\"\ntargets = [\"servicenow\"]\n[outages.carrier]\n",
        ),
        "rules.memory.when",
        "memory[physcal]",
        &[
            "no usual row",
            "did you mean `memory[physical].availableBytes`?",
        ],
    ),
    mistake(
        WARNING,
        (
            "when = 'status == \"ALERTING\"'\nclear = 'status == \"CLEARED\"'",
            "when = 'alert_active && alert_metric == \"owaiting\"'",
        ),
        "rules.genesys-alert.when",
        "owaiting",
        &["upper and lower case differ", "did you mean `oWaiting`?"],
    ),
];

#[test]
fn a_condition_that_no_value_meets_is_found() {
    assert_found(NEVER_MET);
}

/// Groups of the outage of trunks.
const fn outage(by: &'static str, path: &'static str, says: &'static [&'static str]) -> Mistake {
    mistake(WARNING, (OUTAGE, by), path, "", says)
}

#[test]
fn an_outage_that_never_forms_is_found() {
    let group = "outages.carrier.group_by";
    assert_found(&[
        outage(
            "[outages.carrier]\ngroup_by = \"{{ timestamp }}\"\nrules = [\"trunk-down\"]\nat_least = 2",
            group,
            &[
                "`timestamp` differs in every event",
                "such as {{ labels.site }}",
            ],
        ),
        outage(
            "[outages.carrier]\ngroup_by = \"{{ status }}\"\nrules = [\"trunk-down\"]\nat_least = 2",
            group,
            &["`status` says how a thing is"],
        ),
        outage(
            "[outages.carrier]\ngroup_by = \"{{ edge_id }}\"\nrules = [\"edge-offline\"]\nat_least = 2",
            group,
            &[
                "another text for each incident",
                "one incident at most",
                "never 2",
            ],
        ),
        outage(
            "[rules.fixed]\nevents = [\"v2.telephony.providers.edges.{id}\"]\nwhen = 'status == \"OFFLINE\"'\nclear = 'status == \"ONLINE\"'\nkey = \"all edges\"\ntargets = [\"servicenow\"]\n[outages.carrier]\ngroup_by = \"edges\"\nrules = [\"fixed\"]\nat_least = 2",
            "outages.carrier.at_least",
            &["is never reached", "a key that names the thing"],
        ),
    ]);
    // Two rules can each have one incident of an Edge.
    let both = "[outages.carrier]\ngroup_by = \"{{ edge_id }}\"\nrules = [\"edge-offline\", \"load\"]\nat_least = 2";
    let load = "[rules.load]\nevents = [\"v2.telephony.providers.edges.{id}.metrics\"]\nwhen = \"metrics[processors.activeTimePct].max > 95\"\ntargets = [\"servicenow\"]\n";
    let text = sound().replacen(OUTAGE, &format!("{load}{both}"), 1);
    assert_eq!(found(&text), Vec::<serde_json::Value>::new());
}

#[test]
fn a_source_or_a_label_without_effect_is_found() {
    assert_found(&[
        mistake(
            WARNING,
            (
                SOURCE,
                // It has no type of its own, and no rule names `custom`.
                "[sources.feed]\nformat = \"custom\"\nmap = { entity_id = \"/h\", status = \"/s\" }\nauth = [{ type = \"bearer\", secret = { env = \"GENESYS_WEBHOOK_TOKEN\" } }]\n[sources.genesys]\n",
            ),
            "sources.feed",
            "feed",
            &["no rule looks at its events", "events = [\"custom\"]"],
        ),
        mistake(
            WARNING,
            (
                RULE,
                "[maintenance.work]\nmatch = [\"labels.sit=FRA\"]\ncron = \"0 2 * * *\"\nduration = \"1h\"\n[outages.carrier]\n",
            ),
            "maintenance.work.match",
            "\"labels.sit",
            &["no source maps the label `sit`", "map.labels"],
        ),
        mistake(
            WARNING,
            (SOURCE, "[sources.genesys]\nmax_age = \"10s\"\n"),
            "sources.genesys.max_age",
            "\"10s\"",
            &["too short", "write at least \"1m\""],
        ),
        mistake(
            WARNING,
            (
                "for = \"30s\"\nkey",
                "for = \"30s\"\nburst_lock = \"30days\"\nkey",
            ),
            "rules.edge-offline.burst_lock",
            "\"30days\"",
            &["very long", "write some minutes or hours"],
        ),
    ]);
}

#[test]
fn seconds_that_were_mapped_from_milliseconds_are_told() {
    let feed = "[sources.feed]\nformat = \"custom\"\nmap = { entity_id = \"/h\", metrics = { w = { avg = \"/w\", unit = \"ms\" } } }\n";
    let rule = "[rules.slow]\nevents = [\"custom\"]\nwhen = \"metrics[w].avg > 90000\"\nkey = \"{{ entity_id }}\"\ntargets = [\"servicenow\"]\n[outages.carrier]\n";
    let text = sound()
        .replacen(SOURCE, &format!("{feed}{FEED}"), 1)
        .replacen(RULE, rule, 1);
    let found = found(&text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["path"], "rules.slow.when");
    assert_eq!(found[0]["help"], "if milliseconds are meant, write 90");
}
