//! `config check` tries the rules: what it finds in broken configurations, and where.
//!
//! Each case is the shipped example with one mistake in it. Nothing else may be said.

use serde_json::Value;

use crate::cli::checking_offers::refused_offer;
use crate::cli::world::ringdown_with;

/// The shipped example, with its placeholders filled in.
pub(crate) fn sound() -> String {
    include_str!("../../../config/example.toml")
        .replace("https://example.my.", "https://acme.my.")
        .replace("https://example.service", "https://acme.service")
        .replace("your-consumer-key", "3MVG9aBcD")
        .replace(
            "\"your-client-id\"                   # CHANGE\n",
            "\"0a1b2c\"\n",
        )
}

/// What `config check --offline` finds in `text`.
pub(crate) fn found(text: &str) -> Vec<Value> {
    let files = [("my.toml", text)];
    let arguments = [
        "config",
        "check",
        "--offline",
        "-o",
        "json",
        "--config",
        "my.toml",
    ];
    let ran = ringdown_with(&files, &arguments);
    let json = ran.json();
    let list = |name: &str| json[name].as_array().unwrap().clone();
    let all = [list("problems"), list("warnings")].concat();
    let has_error = all.iter().any(|one| one["severity"] == "error");
    assert_eq!(ran.code, if has_error { 2 } else { 0 }, "{ran:?}");
    all
}

/// A mistake in the sound configuration.
pub(crate) struct Mistake {
    /// The text that is replaced, once.
    of: &'static str,
    by: &'static str,
    severity: &'static str,
    path: &'static str,
    /// What the caret points at.
    at: &'static str,
    /// Parts of the message and of the help.
    says: &'static [&'static str],
}

pub(crate) const fn mistake(
    severity: &'static str,
    (of, by): (&'static str, &'static str),
    path: &'static str,
    at: &'static str,
    says: &'static [&'static str],
) -> Mistake {
    Mistake {
        of,
        by,
        severity,
        path,
        at,
        says,
    }
}

pub(crate) const WAIT: &str = "when = \"metrics[queue.waitTime].avg > 300\"";
pub(crate) const TRUNK: &str = "when = 'status in [\"DOWN\", \"OUT_OF_SERVICE\", \"DEGRADED\"]'";
pub(crate) const EDGE: &str = "when = 'status == \"OFFLINE\"'\nclear = 'status == \"ONLINE\"'";
pub(crate) const NOBODY: &str =
    "\"metrics[oWaiting].count >= 1 && metrics[oOnQueueUsers].count < 1\"";
pub(crate) const WAIT_EVENTS: &str =
    "events = [\"telephony.queue.waiting\", \"v2.analytics.queues.{id}.observations\"]";
pub(crate) const WHEN: &str = "rules.queue-wait.when";
pub(crate) const ERROR: &str = "error";
pub(crate) const WARNING: &str = "warning";

/// Mistakes that each give one finding.
const MISTAKES: &[Mistake] = &[
    // Keys, names and values.
    mistake(
        ERROR,
        ("clear_for = \"2m\"", "clear_fro = \"2m\""),
        "rules.queue-wait.clear_fro",
        "clear_fro",
        &["unknown key", "did you mean `clear_for`?"],
    ),
    mistake(
        ERROR,
        ("events = [\"v2.users", "evnts = [\"v2.users"),
        "rules.genesys-alert.evnts",
        "evnts",
        &["did you mean `events`?"],
    ),
    mistake(
        ERROR,
        ("[targets.salesforce]", "[target.salesforce]"),
        "target",
        "target",
        &["unknown key", "did you mean `targets`?"],
    ),
    mistake(
        ERROR,
        ("kind = \"servicenow\"\n", ""),
        "targets.servicenow.kind",
        "servicenow",
        &["required"],
    ),
    mistake(
        ERROR,
        ("kind = \"servicenow\"", "kind = \"ServiceNow\""),
        "targets.servicenow.kind",
        "\"ServiceNow\"",
        &["`servicenow`"],
    ),
    mistake(
        ERROR,
        ("severity = \"medium\"", "severity = 2"),
        "rules.data-action-errors.severity",
        "2",
        &["text"],
    ),
    mistake(
        ERROR,
        ("within = \"10m\"", "within = \"10\""),
        "rules.data-action-errors.within",
        "\"10\"",
        &["no unit", "10s"],
    ),
    mistake(
        ERROR,
        (
            "targets = [\"salesforce\", \"servicenow\"]",
            "targets = [\"salesforce\", \"servicenwo\"]",
        ),
        "rules.queue-wait.targets",
        "\"servicenwo\"",
        &["no target", "`servicenow`"],
    ),
    mistake(
        ERROR,
        (
            "{ env = \"GENESYS_WEBHOOK_TOKEN\" }",
            "{ evn = \"GENESYS_WEBHOOK_TOKEN\" }",
        ),
        "sources.genesys.auth[0].secret",
        "{",
        &["unknown key `evn`", "`env`"],
    ),
    mistake(
        ERROR,
        ("[rules.edge-offline]", "[rules.trunk-down]"),
        "my.toml",
        "trunk-down",
        &["defined twice", "another name"],
    ),
    mistake(
        ERROR,
        ("at_least = 5 ", "at_least = "),
        "my.toml",
        "#",
        &["not valid TOML"],
    ),
    // Expressions.
    mistake(
        ERROR,
        (
            "'status == \"ALERTING\"'",
            "'status == \"ALERTING\" AND alert_active'",
        ),
        "rules.genesys-alert.when",
        "AND",
        &["use `&&`"],
    ),
    mistake(
        ERROR,
        ("'status == \"ALERTING\"'", "'status = \"ALERTING\"'"),
        "rules.genesys-alert.when",
        "=",
        &["use `==`"],
    ),
    mistake(
        ERROR,
        (WAIT, "when = \"metrics[queue.waitTime].avg >> 300\""),
        WHEN,
        ">>",
        &["use `>`"],
    ),
    mistake(
        ERROR,
        (WAIT, "when = \"metrics[queue.waitTime].avg > 300s\""),
        WHEN,
        "300s",
        &["in seconds"],
    ),
    mistake(
        ERROR,
        ("'status == \"ALERTING\"'", "'status == “ALERTING”'"),
        "rules.genesys-alert.when",
        "“",
        &["straight quotes"],
    ),
    mistake(
        ERROR,
        ("'status == \"ALERTING\"'", "'statsu == \"ALERTING\"'"),
        "rules.genesys-alert.when",
        "statsu",
        &["unknown name", "did you mean `status`?"],
    ),
    mistake(
        ERROR,
        ("'status == \"ALERTING\"'", "'status == ALERTING'"),
        "rules.genesys-alert.when",
        "ALERTING",
        &["\"ALERTING\" in quotes"],
    ),
    mistake(
        ERROR,
        (
            "'status == \"ALERTING\"'",
            "'alert_rule_name.startswith(\"Wait\")'",
        ),
        "rules.genesys-alert.when",
        "startswith",
        &["unknown function", "startsWith"],
    ),
    mistake(
        ERROR,
        (WAIT, "when = \"metrics[queue.waitTime].avg > '300'\""),
        WHEN,
        "300",
        &[
            "a number, and cannot be compared with a text",
            "without quotes",
        ],
    ),
    mistake(
        ERROR,
        (WAIT, "when = \"queue_name.size() > wait_time_avg.size()\""),
        WHEN,
        "\"",
        &["fails on events"],
    ),
    // Names that no event carries.
    mistake(
        WARNING,
        (WAIT, "when = \"metrics[queue.waittime].avg > 300\""),
        WHEN,
        "queue.waittime",
        &["no usual metric", "`queue.waitTime`"],
    ),
    mistake(
        WARNING,
        (NOBODY, "\"metrics[oWaitng].count >= 1\""),
        "rules.nobody-there.when",
        "oWaitng",
        &["no event of this rule contains", "`oWaiting`"],
    ),
    mistake(
        WARNING,
        (
            NOBODY,
            "\"metrics[oWaiting].count >= 1 && metrics[tWait].average > 5\"",
        ),
        "rules.nobody-there.when",
        "average",
        &["no statistic `average`", "did you mean `avg`?"],
    ),
    mistake(
        WARNING,
        (NOBODY, "\"trunk_name == 'Carrier A'\""),
        "rules.nobody-there.when",
        "trunk_name",
        &["no event of this rule contains `trunk_name`", "queue_id"],
    ),
    mistake(
        WARNING,
        (
            NOBODY,
            "\"metrics[oWaiting].count >= 1 && labels.site == 'FRA'\"",
        ),
        "rules.nobody-there.when",
        "site",
        &["no source of this rule maps the label"],
    ),
    mistake(
        WARNING,
        (
            WAIT_EVENTS,
            "events = [\"telephony.queue.waiting\", \"v2.analytics.queues.*.observations\"]",
        ),
        "rules.queue-wait.events",
        "\"v2.analytics.queues.*",
        &["known to send", "`v2.analytics.queues.{id}.observations`"],
    ),
    mistake(
        WARNING,
        (
            WAIT_EVENTS,
            "events = [\"v2.analytics.queues.7b0f5a52.observations\"]",
        ),
        "rules.queue-wait.events",
        "\"v2.",
        &["`v2.analytics.queues.{id}.observations`"],
    ),
    mistake(
        WARNING,
        (WAIT_EVENTS, "events = [\"telephony.queue.wait\"]"),
        "rules.queue-wait.events",
        "\"telephony.queue.wait\"",
        &["did you mean `telephony.queue.waiting`?"],
    ),
    mistake(
        WARNING,
        (
            WAIT_EVENTS,
            "events = [\"telephony.queue.waiting\", \"channel.metadata\"]",
        ),
        "rules.queue-wait.events",
        "\"channel.metadata\"",
        &["no effect"],
    ),
    mistake(
        WARNING,
        (
            EDGE,
            "when = \"metrics[processors.activeTimePct].avg > 90\"",
        ),
        "rules.edge-offline.when",
        "processors.activeTimePct",
        &["does not come in the events", "edges.{id}.metrics"],
    ),
    // Statuses.
    mistake(
        WARNING,
        (TRUNK, "when = 'status in [\"down\", \"DEGRADED\"]'"),
        "rules.trunk-down.when",
        "down",
        &["always in upper case", "did you mean `DOWN`?"],
    ),
    mistake(
        WARNING,
        (
            EDGE,
            "when = 'status in [\"OFFLINE\", \"OFLINE\"]'\nclear = 'status == \"ONLINE\"'",
        ),
        "rules.edge-offline.when",
        "OFLINE",
        &["no event of this rule has the status", "`OFFLINE`"],
    ),
    mistake(
        WARNING,
        (
            "when = 'status in [\"DOWN\", \"OUT_OF_SERVICE\", \"DEGRADED\"]'\nclear = 'status in [\"UP\", \"IN_SERVICE\"]'",
            "when = 'status == \"DOWN\"'",
        ),
        "rules.trunk-down.when",
        "'",
        &["without `clear`", "DEGRADED"],
    ),
    mistake(
        WARNING,
        (
            EDGE,
            "when = 'status == \"ONLINE\"'\nclear = 'status == \"OFFLINE\"'",
        ),
        "rules.edge-offline.when",
        "ONLINE",
        &["when all is well", "exchange"],
    ),
    // Thresholds.
    mistake(
        WARNING,
        (WAIT, "when = \"metrics[queue.waitTime].avg > 300000\""),
        WHEN,
        "300000",
        &["in seconds", "write 300"],
    ),
    mistake(
        WARNING,
        (
            "> 300\"     # CHANGE: seconds\nclear = \"metrics[queue.waitTime].avg < 240\"",
            "< 240\"\nclear = \"metrics[queue.waitTime].avg > 300\"",
        ),
        WHEN,
        "\"",
        &["when all is calm", "exchange"],
    ),
    mistake(
        WARNING,
        (
            "entity_type == \"ACTION\" && error_code != \"\"",
            "entity_type == \"ACTION\" && error_code == 408",
        ),
        "rules.data-action-errors.when",
        "408",
        &["never equal", "\"408\" in quotes"],
    ),
    mistake(
        WARNING,
        (
            NOBODY,
            "\"metrics[oWaiting].count > 5 && metrics[oWaiting].count < 3 && metrics[oAlerting].count > 1\"",
        ),
        "rules.nobody-there.when",
        "\"",
        &["never holds"],
    ),
    mistake(
        WARNING,
        (
            EDGE,
            "when = 'status == \"OFFLINE\"'\nclear = 'status == \"ONLINE\" && edge_name == \"A\" && edge_name == \"B\"'",
        ),
        "rules.edge-offline.clear",
        "'",
        &["no event of this rule is a recovery"],
    ),
    // Templates.
    mistake(
        ERROR,
        (
            "{{ wait_time_avg }}\n{% endif %}Seen",
            "{{ wait_time_avg|rond }}\n{% endif %}Seen",
        ),
        "targets.salesforce.create.Description",
        "rond",
        &["unknown filter", "`round`"],
    ),
    mistake(
        ERROR,
        ("key = \"{{ queue_id }}\"", "key = \"{{ trunk_id }}\""),
        "rules.nobody-there.key",
        "trunk_id",
        &["can never be filled", "queue_id"],
    ),
    mistake(
        ERROR,
        ("key = \"{{ queue_id }}\"", "key = \"{{ rule }}\""),
        "rules.nobody-there.key",
        "rule",
        &["can never be filled"],
    ),
    mistake(
        ERROR,
        (
            "close_notes = \"Recovered at",
            "close_notes = \"{{ waiting_later }} at",
        ),
        "targets.servicenow.resolve.close_notes",
        "waiting_later",
        &["unknown name"],
    ),
    mistake(
        ERROR,
        ("Origin = \"Phone\"", "Origin = \"{{ queue_name }}\""),
        "targets.salesforce.create.Origin",
        "queue_name",
        &["rules `", "trunk-down", "{{ queue_name or 'unknown' }}"],
    ),
    mistake(
        ERROR,
        ("Origin = \"Phone\"", "Origin = \"{{ metrics.tWait.avg }}\""),
        "targets.salesforce.create.Origin",
        "metrics.tWait.avg",
        &[
            "can never be filled",
            "{{ metrics.tWait.avg or 'unknown' }}",
        ],
    ),
    mistake(
        ERROR,
        (
            "Origin = \"Phone\"",
            "Origin = \"{{ metrics['queue.waitTime'].max }}\"",
        ),
        "targets.salesforce.create.Origin",
        "metrics['queue.waitTime'].max",
        &["{{ metrics['queue.waitTime'].max or 'unknown' }}"],
    ),
    mistake(
        ERROR,
        ("Origin = \"Phone\"", "Origin = \"{{ outage.name }}\""),
        "targets.salesforce.create.Origin",
        "outage.name",
        &["{{ outage.name or 'unknown' }}"],
    ),
    mistake(
        WARNING,
        ("group_by = \"trunks\"", "group_by = \"{{ labels.site }}\""),
        "outages.carrier.group_by",
        "labels.site",
        &["join no outage"],
    ),
    // Left over.
    mistake(
        WARNING,
        (
            "[targets.servicenow]\n",
            "[targets.other]\nkind = \"servicenow\"\nbase_url = \"https://other.service-now.com\"\nauth = { flow = \"basic\", username = \"ringdown\", password = { env = \"X\" } }\ncreate = { short_description = \"{{ key }}\" }\n[targets.servicenow]\n",
        ),
        "targets.other",
        "other",
        &["no rule and no outage"],
    ),
    mistake(
        WARNING,
        (
            "# [enrichment]\n# region = \"mypurecloud.de\"\n# client_id = \"your-client-id\"\n# client_secret =",
            "[enrichment]\nregion = \"mypurecloud.dee\"\nclient_id = \"0a1b\"\nclient_secret =",
        ),
        "enrichment.region",
        "\"mypurecloud.dee\"",
        &["no region", "`mypurecloud.de`"],
    ),
];

#[test]
fn the_example_has_no_problem_but_its_placeholders_which_are_named() {
    assert_eq!(found(&sound()), Vec::<Value>::new());
    let found = found(include_str!("../../../config/example.toml"));
    let paths: Vec<&str> = found
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "targets.salesforce.base_url",
            "targets.salesforce.auth.client_id",
            "targets.servicenow.base_url",
            "targets.servicenow.auth.client_id",
        ]
    );
    for one in &found {
        assert_eq!(one["severity"], "warning");
        assert!(
            one["message"]
                .as_str()
                .unwrap()
                .contains("value of an example"),
            "{one}"
        );
    }
}

#[test]
fn each_mistake_is_found_where_it_is_and_nothing_else_is_said() {
    assert_found(MISTAKES);
}

/// Asserts that each mistake gives its finding, and no other, and that what it offers is accepted.
#[track_caller]
pub(crate) fn assert_found(mistakes: &[Mistake]) {
    let sound = sound();
    let mut wrong = Vec::new();
    for mistake in mistakes {
        assert!(sound.contains(mistake.of), "{}", mistake.of);
        let text = sound.replacen(mistake.of, mistake.by, 1);
        let found = found(&text);
        if let [one] = found.as_slice()
            && is_as_expected(one, mistake, &text)
        {
            wrong.extend(refused_offer(one, &text).map(|why| format!("{} -> {why}", mistake.by)));
            continue;
        }
        wrong.push(format!("{} -> {found:#?}", mistake.by));
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        mistakes.len(),
        wrong.join("\n")
    );
}

fn is_as_expected(found: &Value, mistake: &Mistake, text: &str) -> bool {
    let number = |name: &str| found[name].as_u64().unwrap_or(0) as usize;
    let line = text
        .lines()
        .nth(number("line").saturating_sub(1))
        .unwrap_or_default();
    let marked: String = line
        .chars()
        .skip(number("column").saturating_sub(1))
        .collect();
    let said = format!("{} {}", found["message"], found["help"]).replace("\\\"", "\"");
    found["severity"] == mistake.severity
        && found["path"] == mistake.path
        && marked.starts_with(mistake.at)
        && mistake.says.iter().all(|part| said.contains(part))
}

/// A source with a map for queues and one for trunks, and a rule for it.
fn two_maps(when: &str, key: &str) -> String {
    format!(
        "{}\n{MAPS}[rules.feed-queue]\nevents = [\"custom\"]\nwhen = {when:?}\nkey = {key:?}\n\
         targets = [\"salesforce\"]\n",
        sound()
    )
}

const MAPS: &str = r#"
[sources.feed]
format = "custom"
auth = [{ type = "bearer", secret = { env = "FEED" } }]
[sources.feed.maps.queues]
when = { place = "$.kind", is = ["queue"] }
queue_id = "/id"
metrics = { oWaiting = { count = "$.metrics[?@.metric == 'oWaiting'].count" } }
[sources.feed.maps.trunks]
when = { place = "/trunk" }
trunk_id = "/trunk/id"
status = "/trunk/state"
"#;

#[test]
fn a_rule_for_one_of_several_maps_is_not_blamed_for_what_the_others_lack() {
    for (when, key) in [
        ("metrics[oWaiting].count >= 20", "{{ queue_id }}"),
        ("status == 'DOWN'", "{{ trunk_id }}"),
    ] {
        let several = two_maps(when, key);
        assert_eq!(found(&several), Vec::<Value>::new(), "{when}");
    }
}

#[test]
fn what_is_wrong_for_every_map_that_a_rule_can_mean_is_found() {
    for (when, key, at) in [
        ("metrics[oWaiting].count > '5'", "{{ queue_id }}", "when"),
        ("status > 4", "{{ trunk_id }}", "when"),
        ("metrics[oWaitin].count > 5", "{{ queue_id }}", "when"),
        ("metrics[oWaiting].count > 5", "{{ trunk_id }}", "key"),
        ("metrics[oWaiting].count > 5", "{{ edge_id }}", "key"),
    ] {
        let found = found(&two_maps(when, key));
        let path = format!("rules.feed-queue.{at}");
        assert!(
            found.iter().any(|one| one["path"] == path),
            "{when} {key}: {found:#?}"
        );
    }
}

#[test]
fn what_a_custom_source_sends_is_checked_as_far_as_its_map_tells() {
    let feed = |rule: &str| {
        format!(
            "{}\n[sources.feed]\nformat = \"custom\"\nauth = [{{ type = \"bearer\", secret = {{ env = \"FEED\" }} }}]\n\
             [sources.feed.map]\nevent_type = \"/type\"\nentity_id = \"/host\"\nstatus = \"/state\"\n\
             metrics = {{ latency = {{ avg = \"/ms\", unit = \"ms\" }} }}\nlabels = {{ site = \"/site\" }}\n\
             [rules.feed]\nevents = [\"probe.result\"]\n{rule}\ntargets = [\"salesforce\"]\n",
            sound()
        )
    };
    for sound in [
        "when = \"status == 'BROKEN' || metrics[latency].avg > 2\"\nkey = \"{{ entity_id }}\"",
        "sources = [\"feed\"]\nwhen = \"labels.site == 'FRA' && metrics[latency].avg > 2\"\nkey = \"{{ labels.site }}\"",
    ] {
        assert_eq!(found(&feed(sound)), Vec::<Value>::new(), "{sound}");
    }
    for (rule, path, part) in [
        (
            "when = \"metrics[latncy].avg > 2\"\nkey = \"{{ entity_id }}\"",
            "rules.feed.when",
            "latency",
        ),
        (
            "when = \"metrics[latency].avg > 2000000\"\nkey = \"{{ entity_id }}\"",
            "rules.feed.when",
            "in seconds",
        ),
        (
            "when = \"status == 'broken'\"\nkey = \"{{ entity_id }}\"",
            "rules.feed.when",
            "upper case",
        ),
        (
            "when = \"status == 'BROKEN'\"\nkey = \"{{ queue_id }}\"",
            "rules.feed.key",
            "queue_id",
        ),
    ] {
        let found = found(&feed(rule));
        assert_eq!(found.len(), 1, "{rule}: {found:#?}");
        assert_eq!(found[0]["path"], path, "{rule}");
        assert!(found[0].to_string().contains(part), "{rule}: {}", found[0]);
    }
}
