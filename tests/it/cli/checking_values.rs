//! `config check` finds values that no event has, thresholds that no reading reaches, keys that cannot
//! do their work, and settings that do not fit together.

use crate::cli::checking::{
    EDGE, ERROR, Mistake, NOBODY, TRUNK, WAIT_EVENTS, WARNING, assert_found, found, mistake, sound,
};

const NOBODY_WHEN: &str = "rules.nobody-there.when";
const NOBODY_KEY: (&str, &str) = ("key = \"{{ queue_id }}\"", "rules.nobody-there.key");
const TRUNK_RULE: &str = "events = [\"telephony.trunk.status\", \"v2.telephony.providers.edges.trunks.{id}\"]\nwhen = 'status in [\"DOWN\", \"OUT_OF_SERVICE\", \"DEGRADED\"]'\nclear = 'status in [\"UP\", \"IN_SERVICE\"]'\nkey = \"{{ trunk_name or trunk_id }}\"";
const ACTIONS: &str = "entity_type == \"ACTION\" && error_code != \"\"";

/// A mistake in the `when` of the rule about queues.
const fn queue(by: &'static str, at: &'static str, says: &'static [&'static str]) -> Mistake {
    mistake(WARNING, (NOBODY, by), NOBODY_WHEN, at, says)
}

#[test]
fn a_number_that_a_reading_never_reaches_is_found() {
    assert_found(&[
        queue(
            "\"metrics[oServiceLevel].ratio < 80\"",
            "80",
            &["ratio from 0 to 1", "always", "write 0.8"],
        ),
        queue(
            "\"metrics[oServiceLevel].ratio > 1.5\"",
            "1.5",
            &["never", "0.015"],
        ),
        queue(
            "\"metrics[oWaiting].count < 0\"",
            "0",
            &["never below 0", "never holds"],
        ),
        queue("\"metrics[oWaiting].count >= 0\"", "0", &["always holds"]),
        queue(
            "\"metrics[tWait].avg > -5 && metrics[oWaiting].count > 2\"",
            "-",
            &["always holds"],
        ),
        mistake(
            WARNING,
            (
                "clear = \"metrics[queue.waitTime].avg < 240\"",
                "clear = \"metrics[queue.waitTime].avg < -1\"",
            ),
            "rules.queue-wait.clear",
            "-",
            &["never below 0", "never holds"],
        ),
        queue(
            "\"metrics[oOnQueueUsers].idle < 1\"",
            "idle",
            &["no usual statistic", "did you mean `IDLE`?"],
        ),
        queue(
            "\"metrics[oOnQueueUsers].PAUSED > 1\"",
            "PAUSED",
            &["no usual statistic", "INTERACTING"],
        ),
        queue(
            "\"metrics[oOnQueueUsers].count == null\"",
            "null",
            &["never null", "write !has(metrics[oOnQueueUsers].count)"],
        ),
        mistake(
            WARNING,
            (
                EDGE,
                "when = 'status == null'\nclear = 'status == \"ONLINE\"'",
            ),
            "rules.edge-offline.when",
            "null",
            &["never null", "remove the comparison"],
        ),
    ]);
}

#[test]
fn what_no_row_of_an_edge_has_is_found() {
    const LOAD: &str = "v2.telephony.providers.edges.{id}.metrics";
    let load = |when: &'static str| -> &'static str {
        let rule = format!("events = [\"{LOAD}\"]\nwhen = '{when}'\nfor = \"30s\"");
        Box::leak(rule.into_boxed_str())
    };
    let of = "events = [\"v2.telephony.providers.edges.{id}\"]\nwhen = 'status == \"OFFLINE\"'\nclear = 'status == \"ONLINE\"'\nfor = \"30s\"";
    let path = "rules.edge-offline.when";
    let found = |when, at, says| mistake(WARNING, (of, load(when)), path, at, says);
    assert_found(&[
        found(
            "metrics[processors[total].activeTimePct].avg > 90",
            "avg",
            &["no statistic `avg`", "value"],
        ),
        found(
            "metrics[processors.activeTimePct].value > 90",
            "value",
            &["no statistic `value`"],
        ),
        found(
            "metrics[processors.activeTimePct].max > 0.9",
            "0.9",
            &["percentage", "write 90"],
        ),
        found(
            "metrics[processors.activeTimePct].max > 900",
            "900",
            &["percentage", "never"],
        ),
        found(
            "metrics[processors.activeTimePct].max > 100",
            "100",
            &["percentage", "never"],
        ),
        found(
            "metrics[memory[Physical].availableBytes].value < 5000",
            "memory[Physical]",
            &["upper and lower case", "`memory[physical].availableBytes`"],
        ),
    ]);
}

#[test]
fn a_text_that_a_field_never_has_is_found() {
    let path = "rules.data-action-errors.when";
    assert_found(&[
        mistake(
            WARNING,
            (ACTIONS, "entity_type == \"action\""),
            path,
            "action",
            &["upper and lower case", "`ACTION`"],
        ),
        mistake(
            WARNING,
            (
                "events = [\"v2.analytics.queues.{id}.observations\"]\nwhen = \"metrics[oWaiting].count >= 1 && metrics[oOnQueueUsers].count < 1\"",
                "events = [\"v2.detail.events.conversation.{id}.acd.end\"]\nwhen = 'acd_outcome == \"Abandoned\"'",
            ),
            NOBODY_WHEN,
            "Abandoned",
            &["never", "did you mean `ABANDON`?"],
        ),
        queue(
            "\"metrics[oWaiting].count > 3 && media_type == 'VOICE'\"",
            "VOICE",
            &["upper and lower case", "`voice`"],
        ),
        queue(
            "\"metrics[oWaiting].count > 3 && media_type == 'voise'\"",
            "voise",
            &["no usual", "`voice`"],
        ),
        queue(
            "\"metrics[oWaiting].count > 3 && media_type == 'phone'\"",
            "phone",
            &[
                "no usual",
                "did you mean `voice`?",
                "it is one of callback, chat",
            ],
        ),
        queue(
            "\"metrics[oWaiting].count > 3 && media_type in ['voice', 'fax']\"",
            "fax",
            &["no usual", "it is one of callback, chat"],
        ),
        queue(
            "\"metrics[oWaiting].count > 3 && queue_name == 'Billing*'\"",
            "Billing*",
            &[
                "stands for itself",
                "write queue_name.startsWith('Billing')",
            ],
        ),
        queue(
            "\"metrics[oWaiting].count > 3 && source == 'genesis'\"",
            "genesis",
            &["never", "`genesys`"],
        ),
    ]);
}

/// A mistake in the `key` of the rule about queues.
const fn key(by: &'static str, at: &'static str, says: &'static [&'static str]) -> Mistake {
    let (of, path) = NOBODY_KEY;
    mistake(WARNING, (of, by), path, at, says)
}

/// What is said of a key that all things share.
const SHARED: [&str; 2] = [
    "all that they are about shares one incident",
    "{{ queue_id or queue_name }}",
];

const KEYS: &[Mistake] = &[
    key(
        "key = \"queue_id\"",
        "\"",
        &["one incident", "write {{ queue_id }}"],
    ),
    key(
        "key = \"{ queue_id }\"",
        "\"",
        &["one incident", "write {{ queue_id }}"],
    ),
    key(
        "key = \"${queue_id}\"",
        "\"",
        &["one incident", "write {{ queue_id }}"],
    ),
    key(
        "key = \"%{queue_name}\"",
        "\"",
        &["one incident", "write {{ queue_name }}"],
    ),
    key(
        "key = \"queueName\"",
        "\"",
        &["one incident", "write {{ queue_name }}"],
    ),
    key("key = \"queue_id + media_type\"", "\"", &["one incident"]),
    key(
        "key = \"{{ queue_id }} {media_type}\"",
        "{media_type}",
        &["sent as it stands", "write {{ media_type }}"],
    ),
    key(
        "key = \"{{ queue_id }} {{ timestamp }}\"",
        "timestamp",
        &["every event is a new incident"],
    ),
    key(
        "key = \"{{ queue_id }} {{ metrics.oWaiting.count }}\"",
        "metrics",
        &["every event is a new incident"],
    ),
    mistake(
        WARNING,
        (
            "key = \"{{ edge_id or edge_name }}\"",
            "key = \"{{ edge_id }} {{ status }}\"",
        ),
        "rules.edge-offline.key",
        "status",
        &["another one when the trouble is over"],
    ),
    mistake(
        WARNING,
        (
            TRUNK_RULE,
            "events = [\"v2.telephony.providers.edges.trunks.{id}\"]\nwhen = 'status == \"DOWN\"'\nclear = 'status == \"UP\"'\nkey = \"{{ trunk_id }} {{ error_code }}\"",
        ),
        "rules.trunk-down.key",
        "error_code",
        &["ends no incident"],
    ),
    key("key = \"{{ source }}\"", "\"", &SHARED),
    key("key = \"{{ event_type }}\"", "\"", &SHARED),
    key("key = \"{{ edge_id or 'all' }}\"", "\"", &SHARED),
    key(
        "key = \"{{ trunk_name | default(source) }}\"",
        "\"",
        &SHARED,
    ),
    key("key = \"{{ rule or 'backlog' }}\"", "\"", &SHARED),
    key("key = \"{{ queue_id and 'backlog' }}\"", "\"", &SHARED),
    mistake(
        WARNING,
        ("group_by = \"trunks\"", "group_by = \"trunk_name\""),
        "outages.carrier.group_by",
        "\"",
        &["one group", "{{ trunk_name }}"],
    ),
];

#[test]
fn a_key_that_cannot_do_its_work_is_found() {
    assert_found(KEYS);
}

#[test]
fn a_key_for_a_group_of_things_or_for_all_on_purpose_is_not_blamed() {
    let (of, _) = NOBODY_KEY;
    for sound_key in [
        "key = \"backlog\"",
        "key = \"{{ division_id or queue_id }}\"",
        "key = \"{{ source }} {{ queue_id }}\"",
        "key = \"{% if 'Billing' in queue_name %}billing{% else %}other{% endif %}\"",
        "key = \"{{ {'Billing': 'money', 'Sales': 'money'}[queue_name] or 'other' }}\"",
        "key = \"{{ (queue_name or queue_id)[:3] }}\"",
    ] {
        let text = sound().replacen(of, sound_key, 1);
        assert_eq!(found(&text), Vec::<serde_json::Value>::new(), "{sound_key}");
    }
}

#[test]
fn a_clear_that_overlaps_when_is_found() {
    const CLEAR: &str = "clear = \"metrics[queue.waitTime].avg < 240\"";
    const PATH: &str = "rules.queue-wait.clear";
    assert_found(&[
        mistake(
            WARNING,
            (CLEAR, "clear = \"metrics[queue.waitTime].avg < 350\""),
            PATH,
            "350",
            &["asked first", "below 300"],
        ),
        mistake(
            WARNING,
            (CLEAR, "clear = \"metrics[queue.waitTime].avg > 150\""),
            PATH,
            "150",
            &["other side", "use `<`"],
        ),
        mistake(
            WARNING,
            (TRUNK, "when = 'status in [\"DOWN\", \"UP\"]'"),
            "rules.trunk-down.clear",
            "UP",
            &["asked first", "a breach"],
        ),
    ]);
}

#[test]
fn placeholders_of_other_languages_are_found_in_any_template() {
    assert_found(&[
        mistake(
            WARNING,
            ("Origin = \"Phone\"", "Origin = \"${queue_name}\""),
            "targets.salesforce.create.Origin",
            "${queue_name}",
            &["sent as it stands", "{{ queue_name }}"],
        ),
        mistake(
            WARNING,
            ("Origin = \"Phone\"", "Origin = \"Phone {rule}\""),
            "targets.salesforce.create.Origin",
            "{rule}",
            &["{{ rule }}"],
        ),
        mistake(
            WARNING,
            (
                "close_notes = \"Recovered at {{ incident.recovered_at }}.\"",
                "close_notes = \"%{key} has recovered\"",
            ),
            "targets.servicenow.resolve.close_notes",
            "%{key}",
            &["{{ key }}"],
        ),
        mistake(
            WARNING,
            ("Origin = \"Phone\"", "Origin = \"Phone\"\norigin = \"Web\""),
            "targets.salesforce.create.origin",
            "\"Web\"",
            &["the same field as `Origin`"],
        ),
    ]);
}

const CLEAR_FOR: &str = "clear_for = \"2m\"                               # the recovery";
const EDGE_FOR: &str = "for = \"30s\"\nkey = \"{{ edge_id";

const SPANS: &[Mistake] = &[
    mistake(
        WARNING,
        (
            CLEAR_FOR,
            "fresh = \"8d\"\nclear_for = \"2m\" # the recovery",
        ),
        "rules.queue-wait.fresh",
        "\"8d\"",
        &["forget_after", "7days"],
    ),
    mistake(
        WARNING,
        (
            CLEAR_FOR,
            "fresh = \"1ms\"\nclear_for = \"2m\" # the recovery",
        ),
        "rules.queue-wait.fresh",
        "\"1ms\"",
        &["too short"],
    ),
    mistake(
        WARNING,
        (
            CLEAR_FOR,
            "within = \"5m\"\nclear_for = \"2m\" # the recovery",
        ),
        "rules.queue-wait.within",
        "\"5m\"",
        &["without `at_least`"],
    ),
    mistake(
        WARNING,
        (EDGE_FOR, "for = \"1h\"\nkey = \"{{ edge_id"),
        "rules.edge-offline.for",
        "\"1h\"",
        &["quiet_after"],
    ),
    mistake(
        WARNING,
        (
            "events = [\"v2.telephony.providers.edges.{id}\"]",
            "events = [\"v2.telephony.providers.edges.{id}\", \"v2.telephony.providers.edges.{id}\"]",
        ),
        "rules.edge-offline.events",
        "\"v2",
        &["named twice"],
    ),
    mistake(
        WARNING,
        (
            "events = [\"v2.telephony.providers.edges.{id}\"]",
            "events = [\"v2.telephony.providers.edges.{id}\", \"genesys.status_page\"]",
        ),
        "rules.edge-offline.events",
        "\"genesys.status_page",
        &["enrichment.status_page"],
    ),
    mistake(
        WARNING,
        (CLEAR_FOR, "clear_for = \"2h\" # the recovery"),
        "rules.queue-wait.clear_for",
        "\"2h\"",
        &["not shorter than `quiet_after`", "longer than 2h"],
    ),
    mistake(
        WARNING,
        (
            "[sources.genesys]\n",
            "[sources.genesys]\nmax_age = \"1ms\"\n",
        ),
        "sources.genesys.max_age",
        "\"1ms\"",
        &["too short", "older when they arrive", "\"1m\""],
    ),
    mistake(
        WARNING,
        ("within = \"10m\"", "within = \"10ms\""),
        "rules.data-action-errors.within",
        "\"10ms\"",
        &["too short", "never come together"],
    ),
    mistake(
        WARNING,
        (
            CLEAR_FOR,
            "update_every = \"1ms\"\nclear_for = \"2m\" # the recovery",
        ),
        "rules.queue-wait.update_every",
        "\"1ms\"",
        &["too short", "every message becomes a comment"],
    ),
    mistake(
        WARNING,
        (
            "at_least = 2\nwithin",
            "hold = \"2h\"\nat_least = 2\nwithin",
        ),
        "outages.carrier.hold",
        "\"2h\"",
        &["longer than `within`"],
    ),
    mistake(
        ERROR,
        (
            "at_least = 2\nwithin",
            "causes = [\"edge-offline\"]\nat_least = 2\nwithin",
        ),
        "outages.carrier.causes",
        "[",
        &["not among the `rules`", "add \"edge-offline\""],
    ),
];

#[test]
fn spans_that_do_not_fit_together_are_found() {
    assert_found(SPANS);
}

#[test]
fn a_level_or_a_route_that_is_never_reached_is_found() {
    const LEVELS: &str = "severity = \"high\"\non_recovery = \"comment\"";
    let levels = |levels: &str| -> &'static str {
        let text =
            format!("severity = {{ {levels}, default = \"low\" }}\non_recovery = \"comment\"");
        Box::leak(text.into_boxed_str())
    };
    let severity =
        |given: &str, level, says| mistake(WARNING, (LEVELS, levels(given)), level, "\"", says);
    const CRITICAL: &str = "rules.queue-wait.severity.critical";
    const HIGH: &str = "rules.queue-wait.severity.high";
    assert_found(&[
        severity(
            "critical = \"metrics[queue.waitTime].avg > 400\", high = \"metrics[queue.waitTime].avg > 900\"",
            HIGH,
            &["never reached", "`severity.critical` holds too"],
        ),
        severity(
            "critical = \"queue_name == 'A'\", high = \"queue_name == 'A' && media_type == 'voice'\"",
            HIGH,
            &["never reached"],
        ),
        severity(
            "critical = \"metrics[queue.waitTime].avg < 200\"",
            CRITICAL,
            &["holds for no breach"],
        ),
        severity(
            "critical = \"metrics[queue.waitTime].avg > 100\"",
            CRITICAL,
            &["holds for every breach"],
        ),
        mistake(
            WARNING,
            (
                "targets = [\"salesforce\", \"servicenow\"]",
                "targets = [{ when = \"queue_name in ['A', 'B']\", to = [\"salesforce\"] }, { when = \"queue_name == 'B'\", to = [\"servicenow\"] }, \"salesforce\"]",
            ),
            "rules.queue-wait.targets[1].when",
            "\"",
            &["never reached", "`targets[0].when`"],
        ),
    ]);
    let fine = "critical = \"metrics[queue.waitTime].avg > 900\", high = \"queue_name == 'A'\"";
    let text = sound().replacen(LEVELS, levels(fine), 1);
    assert_eq!(found(&text), Vec::<serde_json::Value>::new());
}

const WINDOW: &str = "[outages.carrier]\n";

const WITHOUT_EFFECT: &[Mistake] = &[
    mistake(
        WARNING,
        (
            "[targets.salesforce]\n",
            "[targets.salesforce]\nstrict_fields = [\"Subject\", \"Orgin\"]\n",
        ),
        "targets.salesforce.strict_fields",
        "\"Orgin\"",
        &["no field of `create`", "did you mean `Origin`?"],
    ),
    mistake(
        WARNING,
        (
            WINDOW,
            "[maintenance.old]\nmatch = [\"rule=queue-wait\"]\nrrule = \"FREQ=WEEKLY;BYDAY=SU;UNTIL=20200101T000000Z\"\nstarts = \"2019-01-06T02:00:00\"\nduration = \"2h\"\n[outages.carrier]\n",
        ),
        "maintenance.old.rrule",
        "\"FREQ",
        &["last window is over", "later UNTIL"],
    ),
    mistake(
        WARNING,
        (
            "rules = [\"trunk-down\"]",
            "rules = [\"trunk-down\", \"edge-offline\"]\ncauses = [\"trunk-down\", \"edge-offline\"]",
        ),
        "outages.carrier.causes",
        "[",
        &["every rule of this outage", "leave out"],
    ),
    mistake(
        WARNING,
        (
            "Origin = \"Phone\"",
            "Origin = \"{{ incident.startet_at or 'x' }}\"",
        ),
        "targets.salesforce.create.Origin",
        "startet_at",
        &["`incident` has no `startet_at`", "opened_at"],
    ),
    mistake(
        ERROR,
        (
            "Origin = \"Phone\"",
            "Origin = \"{{ incident.occurences }}\"",
        ),
        "targets.salesforce.create.Origin",
        "occurences",
        &[
            "`incident` has no `occurences`",
            "did you mean `occurrences`?",
        ],
    ),
    mistake(
        WARNING,
        (
            "rules = [\"trunk-down\"]",
            "rules = [\"trunk-down\", \"trunk-down\"]",
        ),
        "outages.carrier.rules",
        "\"trunk-down\"]",
        &["named twice"],
    ),
    mistake(
        WARNING,
        (
            WINDOW,
            "[maintenance.m]\nmatch = [\"key={{ queue_id }}\"]\ncron = \"0 2 * * SUN\"\nduration = \"2h\"\n[outages.carrier]\n",
        ),
        "maintenance.m.match",
        "\"key",
        &["no placeholders", "write the value itself"],
    ),
    mistake(
        WARNING,
        (
            WINDOW,
            "[rules.twin]\nevents = [\"v2.telephony.providers.edges.{id}\"]\nwhen = 'status == \"OFFLINE\"'\nclear = 'status == \"ONLINE\"'\nkey = \"{{ edge_id or edge_name }}\"\ntargets = [\"servicenow\", \"salesforce\"]\n[outages.carrier]\n",
        ),
        "rules.twin.when",
        "'status",
        &["the same as that of rules.edge-offline", "two tickets"],
    ),
    mistake(
        WARNING,
        (
            "Origin = \"Phone\"",
            "Origin = \"{{ metrics.oWaitng.count or 'x' }}\"",
        ),
        "targets.salesforce.create.Origin",
        "oWaitng",
        &["in no event", "did you mean `oWaiting`?"],
    ),
    mistake(
        WARNING,
        (
            "Origin = \"Phone\"",
            "Origin = \"{{ metrics['oWaiting'].avg or labels.floor or 'x' }}\"",
        ),
        "targets.salesforce.create.Origin",
        "floor",
        &["`labels.floor` is in no event", "map.labels"],
    ),
    mistake(
        WARNING,
        (
            "Origin = \"Phone\"",
            "Origin = \"{{ outage.membres or 'x' }}\"",
        ),
        "targets.salesforce.create.Origin",
        "membres",
        &["`outage` has no `membres`", "did you mean `members`?"],
    ),
];

#[test]
fn settings_without_effect_are_found() {
    assert_found(WITHOUT_EFFECT);
}

#[test]
fn an_event_type_of_a_senders_own_words_is_not_blamed() {
    let own = "events = [\"telephony.queue.abandoned\", \"telephony.queue.waiting\"]";
    let text = sound().replacen(WAIT_EVENTS, own, 1);
    assert_eq!(found(&text), Vec::<serde_json::Value>::new());
    assert_found(&[mistake(
        WARNING,
        (WAIT_EVENTS, "events = [\"telephony.queue.waitng\"]"),
        "rules.queue-wait.events",
        "\"telephony.queue.waitng\"",
        &[
            "no usual event type",
            "did you mean `telephony.queue.waiting`?",
        ],
    )]);
}
