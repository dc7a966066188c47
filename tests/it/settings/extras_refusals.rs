//! `[own_trouble]` and `[enrichment]`: what is refused, and what is warned about.

use crate::settings::refusals::assert_refused;
use crate::settings::world::World;

#[test]
fn names_that_our_own_trouble_comes_under_are_taken() {
    assert_refused(
        "[sources.ringdown]\nformat = \"genesys\"\nauth = [{ type = \"bearer\", secret = { env = \"WEBHOOK_TOKEN\" } }]\n",
        "sources.ringdown",
        "is taken",
        None,
    );
    for name in ["genesys-poll", "genesys-status"] {
        let source = format!(
            "[sources.{name}]\nformat = \"genesys\"\nauth = [{{ type = \"bearer\", secret = {{ env = \"WEBHOOK_TOKEN\" }} }}]\n"
        );
        assert_refused(&source, &format!("sources.{name}"), "is taken", None);
    }
    assert_refused(
        "[rules.own-trouble]\nevents = [\"*\"]\nwhen = \"status == 'DOWN'\"\nkey = \"{{ trunk_id }}\"\ntargets = [\"salesforce\"]\n",
        "rules.own-trouble",
        "is taken",
        None,
    );
}

#[test]
fn own_trouble_needs_targets_that_exist() {
    assert_refused("[own_trouble]\n", "own_trouble.targets", "required", None);
    assert_refused(
        "[own_trouble]\ntargets = [\"salesfroce\"]\n",
        "own_trouble.targets",
        "there is no target",
        Some("salesforce"),
    );
}

#[test]
fn a_silence_that_nobody_would_hear_of_is_warned_about() {
    let silent = "[sources.genesys]\nexpect_every = \"10m\"\n";
    let warned = World::base().with_file("more.toml", silent).load().unwrap();
    let paths: Vec<&str> = warned
        .warnings
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert!(paths.contains(&"sources.genesys.expect_every"), "{paths:?}");
    let heard = format!("{silent}[own_trouble]\ntargets = [\"salesforce\"]\n");
    let loaded = World::base().with_file("more.toml", &heard).load().unwrap();
    let paths: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert!(
        !paths.contains(&"sources.genesys.expect_every"),
        "{paths:?}"
    );
}

#[test]
fn enrichment_needs_a_region_and_https() {
    let with = |first: &str| {
        format!(
            "[enrichment]\n{first}\nclient_id = \"client\"\nclient_secret = {{ env = \"CRM_SECRET\" }}\n"
        )
    };
    assert_refused(&with(""), "enrichment.region", "required", None);
    assert_refused(
        &with("region = \"Frankfurt\""),
        "enrichment.region",
        "is not a region's domain",
        None,
    );
    assert_refused(
        &with("region = \"mypurecloud.de\"\napi_url = \"http://api.mypurecloud.de\""),
        "enrichment.api_url",
        "in the clear",
        Some("https://api.mypurecloud.de"),
    );
    let good = with("region = \"mypurecloud.de\"");
    let loaded = World::base().with_file("more.toml", &good).load().unwrap();
    let enrichment = loaded.settings.enrichment.unwrap();
    assert_eq!(
        enrichment.login_url.as_str(),
        "https://login.mypurecloud.de/"
    );
}

#[test]
fn what_is_polled_for_nothing_is_refused_or_warned_about() {
    let with = |more: &str| {
        format!(
            "[enrichment]\nregion = \"mypurecloud.de\"\nclient_id = \"client\"\nclient_secret = {{ env = \"CRM_SECRET\" }}\n{more}"
        )
    };
    let page = "status_page = \"https://status.mypurecloud.com\"\n";
    assert_refused(
        &with(page),
        "enrichment.status_components",
        "required with `status_page`",
        None,
    );
    assert_refused(
        &with("poll_sources = [\"genesis\"]"),
        "enrichment.poll_sources",
        "there is no source",
        Some("genesys"),
    );
    let page = with(&format!(
        "{page}status_components = [\"EMEA (Frankfurt)\"]\n"
    ));
    let rule = "[rules.region]\nevents = [\"genesys.status_page\"]\nwhen = \"status == 'MAJOR_OUTAGE'\"\nkey = \"{{ entity_id }}\"\ntargets = [\"salesforce\"]\n";
    let warned = |text: &str| {
        let loaded = World::base().with_file("more.toml", text).load().unwrap();
        let mut paths = loaded.warnings.iter().map(|one| one.path.as_str());
        paths.any(|path| path == "enrichment.status_page")
    };
    assert!(warned(&page), "no rule looks at it");
    assert!(!warned(&format!("{page}{rule}")));
}
