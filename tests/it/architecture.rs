//! The structure that docs/architecture.md describes, read from the source: which part may use
//! which, and which parts may use the outside world.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Each part of `src`, and the parts that it may use. A line may use only parts of earlier lines,
/// so the table has no cycle.
const LAYERS: &[(&str, &str)] = &[
    ("json", ""),
    ("rate_limiter", ""),
    ("rsa_key", ""),
    ("fault_points", ""),
    ("domain", ""),
    ("clock", "domain"),
    ("text", ""),
    ("normalise", "domain json"),
    ("rules", "domain"),
    ("settings", "domain normalise rsa_key rules"),
    ("telemetry", "domain settings text"),
    ("store", "domain fault_points json"),
    ("http", "clock domain fault_points telemetry"),
    ("lifecycle", "http"),
    ("supervision", "fault_points lifecycle telemetry"),
    ("outbound", "json settings"),
    ("notifier", "store"),
    ("backlog", "store"),
    ("review_limit", "clock store telemetry"),
    ("upkeep", "clock domain lifecycle rate_limiter store"),
    ("self_monitor", "clock domain store telemetry"),
    (
        "targets",
        "clock domain json outbound rate_limiter rsa_key rules settings text",
    ),
    (
        "enrichment",
        "clock domain json outbound settings targets telemetry",
    ),
    (
        "polling",
        "clock domain enrichment lifecycle normalise outbound settings store targets telemetry",
    ),
    (
        "receive",
        "backlog clock domain http json normalise outbound rate_limiter settings store telemetry",
    ),
    (
        "decide",
        "clock domain enrichment normalise rules settings store telemetry text",
    ),
    ("check", "decide domain normalise rules settings"),
    (
        "deliver",
        "clock domain fault_points rate_limiter settings store targets telemetry",
    ),
    (
        "sync",
        "clock domain rate_limiter settings store targets telemetry",
    ),
    (
        "doctor",
        "clock decide domain outbound rules settings targets",
    ),
    (
        "admin",
        "clock deliver domain http json lifecycle settings store telemetry text",
    ),
    (
        "app",
        "admin backlog clock decide deliver doctor domain enrichment http lifecycle normalise outbound \
         polling self_monitor receive review_limit settings store supervision sync targets telemetry upkeep notifier",
    ),
    (
        "cli",
        "app check clock decide deliver doctor domain normalise outbound rules settings store \
         targets telemetry text",
    ),
];

/// What only some parts may name. A pattern is a regular expression over code without comments.
const ONLY_IN: &[(&str, &str, &str)] = &[
    (r"\b(sqlx|rusqlite)::", "store", "SQL is the store's alone"),
    (r"\baxum::", "admin http outbound receive", "serving HTTP"),
    (
        r"\b(SystemTime|Instant)::now\b|\bTimestamp::now\b|\bZoned::now\b",
        "admin app backlog cli clock deliver enrichment http polling rate_limiter receive review_limit store supervision targets telemetry",
        "decisions take the time as an argument",
    ),
    (
        r"\brand::",
        "admin cli deliver http settings targets",
        "decisions are the same for the same input",
    ),
    (
        r"\bstd::env::",
        "cli clock fault_points settings",
        "variables are settings",
    ),
    (
        r"\btokio::",
        "admin app backlog cli decide deliver doctor enrichment http lifecycle outbound polling self_monitor \
         rate_limiter receive review_limit store supervision sync targets upkeep notifier",
        "domain, rules, normalise and settings do no I/O",
    ),
];

/// The parts of `src`, each with the code of its files: comments and tests are left out.
fn parts() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let comment = Regex::new(r"//[^\n]*").unwrap();
    let test = Regex::new(r"#\[cfg\(test\)\]\s*(#\[path[^\n]*\s*)?mod ").unwrap();
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if name == "tests" || name.ends_with("_tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let code = fs::read_to_string(&path).unwrap();
            let code = test.split(&code).next().unwrap().to_owned();
            let relative = path.strip_prefix(&root).unwrap().to_owned();
            let part = relative.iter().next().unwrap().to_str().unwrap();
            let part = part.trim_end_matches(".rs").to_owned();
            if part != "lib" && part != "main" {
                found.push((part, relative, comment.replace_all(&code, "").into_owned()));
            }
        }
    }
    assert!(found.len() > 100, "the source was not found");
    found
}

#[test]
fn every_part_uses_only_parts_of_earlier_lines() {
    let mut earlier: BTreeSet<&str> = BTreeSet::new();
    for (part, used) in LAYERS {
        for name in used.split_whitespace() {
            assert!(earlier.contains(name), "{name} has no line before {part}");
        }
        earlier.insert(part);
    }

    let used = Regex::new(r"\bcrate::(\w+)").unwrap();
    let mut wrong = Vec::new();
    for (part, path, code) in parts() {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == part) else {
            wrong.push(format!("{part} is not in the table of layers"));
            continue;
        };
        for name in used.captures_iter(&code).map(|found| found[1].to_owned()) {
            if name != part && !allowed.split_whitespace().any(|one| one == name) {
                wrong.push(format!("{}: {part} may not use {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_outside_world_is_used_only_where_it_belongs() {
    let parts = parts();
    let mut wrong = Vec::new();
    for (pattern, allowed, why) in ONLY_IN {
        let pattern = Regex::new(pattern).unwrap();
        for (part, path, code) in &parts {
            let may = allowed.split_whitespace().any(|name| name == part);
            if let (false, Some(found)) = (may, pattern.find(code)) {
                wrong.push(format!("{}: {} ({why})", path.display(), found.as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
