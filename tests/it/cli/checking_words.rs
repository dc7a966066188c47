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
fn a_mistake_in_a_template_is_told_in_our_words() {
    const ORIGIN: &str = "Origin = \"Phone\"";
    const PATH: &str = "targets.salesforce.create.Origin";
    assert_found(&[
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
