//! `config check` says nothing against what we ship, nor against what the documents show.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use crate::cli::checking::{found, sound};
use crate::cli::world::ringdown_with;

/// The TOML of every document, with the name of the document.
fn blocks() -> Vec<(String, String)> {
    let documents = std::fs::read_dir("docs").unwrap();
    let mut paths: Vec<_> = documents.map(|entry| entry.unwrap().path()).collect();
    paths.push("README.md".into());
    paths.sort();
    let mut blocks = Vec::new();
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|one| one == "md"))
    {
        let text = std::fs::read_to_string(path).unwrap();
        for part in text.split("```toml\n").skip(1) {
            let block = part.split("```").next().unwrap();
            blocks.push((path.display().to_string(), block.to_owned()));
        }
    }
    blocks
}

/// The rest of tables of which documents show a part.
const REST: &[(&str, &str, &str)] = &[
    (
        "sources.feed",
        "sources.feed",
        "format = \"custom\"\nauth = [{ type = \"bearer\", secret = { env = \"FEED\" } }]",
    ),
    (
        "test-system",
        "sources.test-system",
        "format = \"genesys\"\nauth = [{ type = \"bearer\", secret = { env = \"FEED\" } }]",
    ),
    (
        "servicenow-emea",
        "targets.servicenow-emea",
        "kind = \"servicenow\"\nbase_url = \"https://emea.service-now.com\"\n\
         auth = { flow = \"basic\", username = \"r\", password = { env = \"X\" } }\n\
         create = { short_description = \"{{ key }}\" }",
    ),
    (
        "enrichment",
        "enrichment",
        "region = \"mypurecloud.de\"\nclient_id = \"0a1b\"\nclient_secret = { env = \"C\" }",
    ),
    // The division's name comes from there.
    (
        "division",
        "enrichment",
        "region = \"mypurecloud.de\"\nclient_id = \"0a1b\"\nclient_secret = { env = \"C\" }",
    ),
];

/// What is said of a block, laid over the shipped example.
fn said_of(block: &str) -> Vec<Value> {
    let base = sound();
    let rest = REST.iter().filter(|(sign, _, _)| block.contains(sign));
    let rest: BTreeSet<String> = rest
        .map(|(_, table, keys)| format!("[{table}]\n{keys}\n"))
        .collect();
    let rest = rest.into_iter().collect::<String>();
    let mut lines = block.lines();
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    // Keys without a table are a rule's.
    let block = match first.unwrap().starts_with('[') {
        true => block.to_owned(),
        false => format!("[rules.queue-wait]\n{block}"),
    };
    let files = [
        ("rest.toml", rest.as_str()),
        ("base.toml", base.as_str()),
        ("block.toml", block.as_str()),
    ];
    let mut arguments = vec!["config", "check", "--offline", "-o", "json"];
    arguments.extend(files.iter().flat_map(|(name, _)| ["--config", name]));
    let json = ringdown_with(&files, &arguments).json();
    let list = |name: &str| json[name].as_array().unwrap().clone();
    // These are right to be told of what is shown.
    let is_meant = |one: &Value| {
        let message = one["message"].as_str().unwrap();
        [
            "no rule and no outage",
            "no rule looks at",
            "`…` is the value of an example",
            "maps the label",
        ]
        .iter()
        .any(|part| message.contains(part))
    };
    let all = [list("problems"), list("warnings")].concat();
    all.into_iter().filter(|one| !is_meant(one)).collect()
}

#[test]
fn nothing_is_said_against_the_configurations_in_the_documents() {
    let blocks = blocks();
    assert!(blocks.len() > 12, "{}", blocks.len());
    let mut wrong = String::new();
    for (document, block) in blocks {
        let said = said_of(&block);
        if !said.is_empty() {
            let _ = writeln!(wrong, "{document}:\n{block}\n{said:#?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn nothing_is_said_against_correct_but_unusual_rules() {
    for rule in [
        "when = \"['Billing', 'Sales'].exists(x, queue_name.startsWith(x)) && metrics[oWaiting].count > 10.0\"",
        "when = \"[10, 20].all(x, metrics[oWaiting].count > double(x))\"",
        "when = \"metrics[oWaiting].count >= 20 && metrics[oOnQueueUsers].IDLE < 1\"\nseverity = { critical = \"['VIP'].exists(x, queue_name.contains(x))\", default = \"high\" }",
        "when = \"metrics[oServiceLevel].ratio < 0.8\"\nclear = \"metrics[oServiceLevel].ratio >= 0.9\"",
        "when = \"metrics[oServiceLevel].ratio * 100.0 < 80.0\"\nclear = \"metrics[oServiceLevel].ratio >= 0.8\"",
        "when = \"metrics[oWaiting].count > 5 && media_type == 'voice'\"\nkey = \"{{ queue_id }} {{ media_type or 'all' }}\"",
        "when = \"metrics[oOnQueueUsers].count == 0\"\nclear = \"metrics[oOnQueueUsers].count > 0\"",
        "when = \"metrics[tWait].avg > 300 || metrics[oWaiting].count > 20\"\nclear = \"metrics[tWait].avg < 200 && metrics[oWaiting].count < 10\"",
        "when = \"metrics[oWaiting].count > 20\"\nclear = \"metrics[oWaiting].count <= 20\"\nkey = \"all\"",
        "when = \"metrics[oWaiting].count > 200 && metrics[oWaiting].count < 900\"\nclear = \"metrics[oWaiting].count < 250\"",
    ] {
        let text = format!(
            "{}\n[rules.unusual]\nevents = [\"v2.analytics.queues.{{id}}.observations\"]\n{rule}\ntargets = [\"salesforce\"]\n",
            sound()
        );
        assert_eq!(found(&text), Vec::<Value>::new(), "{rule}");
    }
}
