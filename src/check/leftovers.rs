//! What was left over: targets that no rule uses, values of the example, and a region that Genesys
//! Cloud does not have.

use url::Url;

use crate::domain::identity::TargetName;
use crate::rules::nearest;
use crate::settings::{Problem, Settings, TargetAuth};

/// The domains of the regions of Genesys Cloud, and the region of AWS that each is in.
const REGIONS: &[(&str, &str)] = &[
    ("mypurecloud.com", "us-east-1"),
    ("usw2.pure.cloud", "us-west-2"),
    ("cac1.pure.cloud", "ca-central-1"),
    ("sae1.pure.cloud", "sa-east-1"),
    ("mxc1.pure.cloud", "mx-central-1"),
    ("mypurecloud.ie", "eu-west-1"),
    ("euw2.pure.cloud", "eu-west-2"),
    ("mypurecloud.de", "eu-central-1"),
    ("euc2.pure.cloud", "eu-central-2"),
    ("mec1.pure.cloud", "me-central-1"),
    ("aps1.pure.cloud", "ap-south-1"),
    ("apse1.pure.cloud", "ap-southeast-1"),
    ("mypurecloud.com.au", "ap-southeast-2"),
    ("mypurecloud.jp", "ap-northeast-1"),
    ("apne2.pure.cloud", "ap-northeast-2"),
    ("apne3.pure.cloud", "ap-northeast-3"),
    ("use2.us-gov-pure.cloud", "us-east-2"),
    ("edee1.eusc-pure.cloud", "eusc-de-east-1"),
];

pub(super) fn check(settings: &Settings, found: &mut Vec<Problem>) {
    unused_targets(settings, found);
    placeholders(settings, found);
    region(settings, found);
}

fn unused_targets(settings: &Settings, found: &mut Vec<Problem>) {
    let rules = settings.rules.iter().map(|rule| &rule.targets);
    let outages = settings.outages.values().map(|outage| &outage.targets);
    let used: Vec<&TargetName> = rules
        .chain(outages)
        .flat_map(|routing| routing.names())
        .collect();
    for name in settings.targets.keys().filter(|name| !used.contains(name)) {
        let reason = "no rule and no outage opens tickets here";
        let help = format!("add \"{name}\" to the `targets` of a rule, or remove the table");
        found.push(Problem::warning(format!("targets.{name}"), reason).with_help(help));
    }
}

/// Warns of values of the example that were not changed.
fn placeholders(settings: &Settings, found: &mut Vec<Problem>) {
    let mut note = |path: String, value: &str, help: &str| {
        let reason = format!("`{value}` is the value of an example");
        found.push(Problem::warning(path, reason).with_help(help));
    };
    for (name, target) in &settings.targets {
        let path = |key: &str| format!("targets.{name}.{key}");
        if is_example_host(&target.base_url) {
            let address = target.base_url.as_str().trim_end_matches('/');
            note(path("base_url"), address, "write the address of your CRM");
        }
        for (key, value) in texts_of(&target.auth) {
            if is_placeholder(value) {
                note(path(&format!("auth.{key}")), value, "write your own");
            }
        }
    }
    if let Some(enrichment) = &settings.enrichment
        && is_placeholder(&enrichment.client_id)
    {
        let path = "enrichment.client_id".to_owned();
        note(path, &enrichment.client_id, "write your own");
    }
}

fn texts_of(auth: &TargetAuth) -> Vec<(&'static str, &str)> {
    match auth {
        TargetAuth::ClientCredentials { client_id, .. }
        | TargetAuth::RefreshToken { client_id, .. } => vec![("client_id", client_id)],
        TargetAuth::JwtBearer {
            client_id,
            username,
            ..
        }
        | TargetAuth::Password {
            client_id,
            username,
            ..
        } => vec![("client_id", client_id), ("username", username)],
        TargetAuth::Basic { username, .. } => vec![("username", username)],
        TargetAuth::ApiKey { .. } => Vec::new(),
    }
}

fn is_example_host(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let first = host.split('.').next().unwrap_or_default();
    let is_example = |label: &str| label == "example" || label.starts_with("your");
    is_example(first) || host.ends_with("example.com")
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_lowercase();
    let begins = ["your-", "your_", "<", "…", "xxx", "changeme", "change-me"];
    begins.iter().any(|one| lower.starts_with(one))
        || lower.ends_with('…')
        || lower.ends_with("example.com")
}

fn region(settings: &Settings, found: &mut Vec<Problem>) {
    let region = settings
        .enrichment
        .as_ref()
        .and_then(|one| one.region.as_deref());
    let Some(region) = region else {
        return;
    };
    let known = || REGIONS.iter().map(|(domain, _)| *domain);
    if known().any(|domain| domain == region) {
        return;
    }
    let reason = format!("`{region}` is no region of Genesys Cloud that is known");
    let problem = Problem::warning("enrichment.region", reason);
    found.push(match nearest(region, known()) {
        Some(meant) => problem.suggesting(Some(meant)),
        None => problem.with_help(format!(
            "known are {}",
            known().collect::<Vec<_>>().join(", ")
        )),
    });
}
