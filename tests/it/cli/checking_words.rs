//! The words of `config check` are ours, not those of the engines, and each mistake is told once.

use crate::cli::checking::{
    ERROR, Mistake, NOBODY, WAIT, WARNING, WHEN, assert_found, found, mistake, sound,
};

const NOBODY_WHEN: &str = "rules.nobody-there.when";

const fn queue(by: &'static str, at: &'static str, says: &'static [&'static str]) -> Mistake {
    mistake(ERROR, (NOBODY, by), NOBODY_WHEN, at, says)
}

const EXPRESSIONS: &[Mistake] = &[
    queue(
        "\"metrics[oServiceLevel].ratio * 100 < 80\"",
        "100",
        &["decimal point", "write 100.0"],
    ),
    queue("\"metrics[oWaiting].count / 2 > 3\"", "2", &["write 2.0"]),
    queue(
        "\"metrics[oWaiting].count / 0 > 3\"",
        "\"",
        &["divides by zero"],
    ),
    queue(
        "\"metrics[tWait].avg > duration('5m')\"",
        "\"",
        &["a number and a duration", "in seconds"],
    ),
    queue(
        "\"metrics[oWaiting].count.contains('5')\"",
        "\"",
        &["`contains` of a number"],
    ),
    queue(
        "\"oWaiting > 20\"",
        "oWaiting",
        &["a metric is written metrics[oWaiting].count"],
    ),
    queue(
        "\"avg(metrics[tWait]) > 300\"",
        "avg",
        &["unknown function `avg`", "metrics[tWait].avg"],
    ),
    queue(
        "\"max(metrics[oWaiting].count, 3) > 3\"",
        "max",
        &["unknown function `max`", "compare each value by itself"],
    ),
    queue(
        "\"metrics[oWaiting].count.abs() > 3\"",
        "abs",
        &["unknown function `abs`", "compare with both bounds"],
    ),
    queue(
        "\"media_type == ['voice', 'chat']\"",
        "==",
        &["never equal to a list", "use `in`"],
    ),
    queue(
        "\"media_type == 'voice' ? metrics[oWaiting].count > 3\"",
        "?",
        &["`?` has no `:`", "join the conditions by `&&`"],
    ),
    queue(
        "\"metrics[oWaiting].count > 500MB\"",
        "500MB",
        &["a number has no unit", "in bytes"],
    ),
    queue(
        "'timestamp > \"2026-03-01\" && metrics[oWaiting].count > 3'",
        "2026",
        &[
            "`timestamp` is a time",
            "write timestamp(\"2026-03-01T00:00:00Z\")",
        ],
    ),
    queue(
        "\"contains(queue_name, 'Billing')\"",
        "contains",
        &[
            "`contains` is called on a value",
            "write queue_name.contains('Billing')",
        ],
    ),
    queue(
        "\"metrics[oWaiting].count.double() > 3\"",
        "double",
        &[
            "`double` is not called on a value",
            "write double(metrics[oWaiting].count)",
        ],
    ),
    queue(
        "\"['A', 'B'].exists(queue_name)\"",
        "exists",
        &["`exists` takes 2 values in its brackets, and has 1"],
    ),
    queue(
        "\"metrics[oWaiting] >= 20\"",
        "metrics",
        &["add a statistic, such as metrics[oWaiting].count"],
    ),
    queue(
        "\"30 < metrics[tWait].avg < 90\"",
        "30",
        &["compared again", "`&&`"],
    ),
    queue("\"queue_name in ('A', 'B')\"", ",", &["a list in [ ]"]),
    queue("\"metrics[tWait].avg > 300,5\"", ",", &["decimal point"]),
    queue(
        "\"has(queue_name)\"",
        "queue_name",
        &["`has` asks for a metric or a label"],
    ),
    queue(
        "\"['oWaiting'].exists(m, metrics[m].count > 5)\"",
        "metrics",
        &["is used by name"],
    ),
    queue(
        "\"['A'].exists(x, queue_nme == x)\"",
        "queue_nme",
        &["did you mean `queue_name`?"],
    ),
    mistake(
        WARNING,
        (NOBODY, "\"metrics[oWaiting].count == '20'\""),
        NOBODY_WHEN,
        "20",
        &["never equal to a text", "write 20 without quotes"],
    ),
    queue(
        "\"metrics[oServiceLevel].ratio < '80%'\"",
        "80%",
        &["cannot be compared with a text", "compare it with a number"],
    ),
    queue(
        "\"metrics[oServiceLevel].ratio < 80%\"",
        "80%",
        &["no unit", "a ratio is from 0 to 1"],
    ),
    queue(
        "\"has(metrics[oWaiting])\"",
        "[",
        &["one statistic", "has(metrics[oWaiting].count)"],
    ),
    queue(
        "\"has(metrics.oWaiting)\"",
        "metrics",
        &["add a statistic, such as metrics[oWaiting].count"],
    ),
    queue(
        "\"metrics[oWaiting].count > 1 queue_name == 'A'\"",
        "queue_name",
        &["not expected here", "by `&&` or `||`"],
    ),
    queue(
        "\"queue_name.matches('[')\"",
        "\"",
        &["no regular expression: unclosed character class"],
    ),
    queue(
        "\"queue_name[0] == 'B'\"",
        "\"",
        &["a text has no parts in [ ]", "`startsWith`"],
    ),
    queue(
        "\"duration('5 minutes') > duration('1m')\"",
        "\"",
        &["no duration", "duration(\"90s\")"],
    ),
    queue(
        "\"queue_name.split(',')[0] == 'x'\"",
        "split",
        &["unknown function", "`startsWith`"],
    ),
    queue(
        "\"size(queue_name)\"",
        "\"",
        &["it gives a number", "compare it with a number"],
    ),
    mistake(
        ERROR,
        ("severity = \"medium\"", "severity = \"urgent\""),
        "rules.data-action-errors.severity",
        "\"urgent\"",
        &["none of critical", "did you mean `critical`?"],
    ),
    mistake(
        ERROR,
        ("severity = \"medium\"", "severity = \"P2\""),
        "rules.data-action-errors.severity",
        "\"P2\"",
        &["none of critical", "did you mean `high`?"],
    ),
    mistake(
        ERROR,
        ("[targets.salesforce]\n", "[targets.salesfroce]\n"),
        "targets.salesfroce",
        "salesfroce",
        &[
            "a part of `targets.salesforce`",
            "did you mean `salesforce`?",
        ],
    ),
    mistake(
        ERROR,
        ("[targets.salesforce.create]", "[targets.salesfroce.create]"),
        "targets.salesfroce",
        "salesfroce",
        &[
            "a part of `targets.salesforce`",
            "did you mean `salesforce`?",
        ],
    ),
    mistake(
        ERROR,
        (WAIT, "when = \"metrics[queue.waitTime] > 300\""),
        WHEN,
        "metrics",
        &["add a statistic, such as metrics[queue.waitTime].avg"],
    ),
];

#[test]
fn a_mistake_in_an_expression_is_told_in_our_words() {
    assert_found(EXPRESSIONS);
}

#[test]
fn a_target_that_is_spelt_otherwise_throughout_is_told_once() {
    let text = sound().replace("[targets.salesforce", "[targets.salesfroce");
    let found = found(&text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["path"], "targets.salesfroce");
    assert_eq!(found[0]["help"], "did you mean `salesforce`?");
}

#[test]
fn a_mistake_in_a_template_is_told_in_our_words() {
    const ORIGIN: &str = "Origin = \"Phone\"";
    const PATH: &str = "targets.salesforce.create.Origin";
    const KEY: &str = "key = \"{{ queue_id }}\"";
    assert_found(&[
        mistake(
            ERROR,
            (KEY, "key = \"{{ queue.id }}\""),
            "rules.nobody-there.key",
            "queue",
            &["unknown name `queue`", "write {{ queue_id }}"],
        ),
        mistake(
            ERROR,
            (KEY, "key = \"{{ queue_id | uppercase }}\""),
            "rules.nobody-there.key",
            "uppercase",
            &["unknown filter `uppercase`", "did you mean `upper`?"],
        ),
        mistake(
            WARNING,
            ("group_by = \"trunks\"", "group_by = \"{{ key }}\""),
            "outages.carrier.group_by",
            "key",
            &["missing value: key", "name what all these events contain"],
        ),
        mistake(
            ERROR,
            (ORIGIN, "Origin = \"{{ queue_name waits {{\""),
            PATH,
            "{{",
            &["never closed", "add `}}`"],
        ),
        mistake(
            ERROR,
            (ORIGIN, "Origin = \"{{ queue_name || key }}\""),
            PATH,
            "||",
            &["use `or`"],
        ),
        mistake(
            ERROR,
            (ORIGIN, "Origin = \"{% if status %}x\""),
            PATH,
            "{%",
            &["has no end", "endif"],
        ),
        mistake(
            ERROR,
            (ORIGIN, "Origin = \"{{ metrics[oWaiting].count or 0 }}\""),
            PATH,
            "oWaiting",
            &["metrics['oWaiting'].count"],
        ),
    ]);
}

#[test]
fn findings_come_in_the_order_of_the_lines() {
    let text = sound()
        .replace("Origin = \"Phone\"", "Origin = \"${key}\"")
        .replace(NOBODY, "\"metrics[oServiceLevel].ratio < 80\"")
        .replace("'status == \"OFFLINE\"'", "'status == \"OFLINE\"'");
    let lines: Vec<u64> = found(&text)
        .iter()
        .map(|one| one["line"].as_u64().unwrap())
        .collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines, sorted);
}
