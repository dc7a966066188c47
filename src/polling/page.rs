//! What a status page says of some of its components. Pure.
//!
//! The form is that of `/api/v2/summary.json` of pages that statuspage.io serves. Component:
//! `id`, `name`, `status`, `group_id`; incident: `name`, `components`.

use serde_json::Value;

/// The worst state of the components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageState {
    /// In upper case, such as `OPERATIONAL` or `MAJOR_OUTAGE`.
    pub(super) status: String,
    /// Which component is in which trouble, and what the page calls it.
    pub(super) detail: String,
}

/// All works.
pub(super) const OPERATIONAL: &str = "OPERATIONAL";

/// From harmless to worst. A status that is not known is worse than a slow component.
const WORSE: [&str; 3] = [OPERATIONAL, "UNDER_MAINTENANCE", "DEGRADED_PERFORMANCE"];
const WORST: [&str; 2] = ["PARTIAL_OUTAGE", "MAJOR_OUTAGE"];

/// The state of the components that are named, or are in a group that is named. The error says what
/// is wrong with the page, or with the names.
pub(super) fn state_of(summary: &Value, names: &[String]) -> Result<PageState, String> {
    let all = summary["components"].as_array();
    let all = all.ok_or("it is not the summary of a status page: it has no components")?;
    let id = |one: &Value| one["id"].as_str().map(str::to_owned);
    let has_name = |one: &Value, wanted: &str| {
        let name = one["name"].as_str();
        name.is_some_and(|name| name.trim().eq_ignore_ascii_case(wanted.trim()))
    };
    let mut chosen: Vec<&Value> = Vec::new();
    for name in names {
        let named: Vec<&Value> = all.iter().filter(|one| has_name(one, name)).collect();
        if named.is_empty() {
            return Err(format!(
                "it has no component `{name}`; look at status_components"
            ));
        }
        let groups: Vec<String> = named.iter().filter_map(|one| id(one)).collect();
        let is_within = |one: &&Value| {
            let group = one["group_id"].as_str();
            group.is_some_and(|group| groups.iter().any(|id| id == group))
        };
        chosen.extend(&named);
        chosen.extend(all.iter().filter(is_within));
    }
    let statuses = chosen.iter().map(|one| (*one, status_of(one)));
    let worst = statuses.clone().max_by_key(|(_, status)| rank(status));
    let status = worst.map_or_else(|| OPERATIONAL.to_owned(), |(_, status)| status);
    let in_trouble = statuses.filter(|(_, status)| status != OPERATIONAL);
    let mut detail: Vec<String> = Vec::new();
    for (component, status) in in_trouble {
        let name = component["name"].as_str().unwrap_or_default().trim();
        let text = format!("{name}: {}", status.to_lowercase().replace('_', " "));
        if !detail.contains(&text) {
            detail.push(text);
        }
    }
    if status != OPERATIONAL {
        let ids: Vec<String> = chosen.iter().filter_map(|one| id(one)).collect();
        detail.extend(incidents_of(summary, &ids));
    }
    Ok(PageState {
        status,
        detail: detail.join("; "),
    })
}

fn status_of(component: &Value) -> String {
    let status = component["status"].as_str().unwrap_or("unknown");
    status.trim().to_uppercase()
}

fn rank(status: &str) -> usize {
    let harmless = WORSE.iter().position(|one| *one == status);
    let worst = WORST.iter().position(|one| *one == status);
    let worst = worst.map(|place| WORSE.len() + 1 + place);
    harmless.or(worst).unwrap_or(WORSE.len())
}

/// The names of the page's open incidents about any of the components.
fn incidents_of(summary: &Value, ids: &[String]) -> Vec<String> {
    let is_about = |incident: &&Value| {
        let components = incident["components"].as_array().into_iter().flatten();
        let mut affected = components.filter_map(|one| one["id"].as_str());
        affected.any(|id| ids.iter().any(|one| one == id))
    };
    let incidents = summary["incidents"].as_array().into_iter().flatten();
    let names = incidents
        .filter(is_about)
        .filter_map(|one| one["name"].as_str());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary(voice: &str, other: &str) -> Value {
        json!({
            "components": [
                {"id": "g1", "name": "EMEA (Frankfurt)", "status": "operational", "group": true, "group_id": null},
                {"id": "c1", "name": "Voice", "status": voice, "group_id": "g1"},
                {"id": "c2", "name": "Routing", "status": "operational", "group_id": "g1"},
                {"id": "c3", "name": "Americas (US East)", "status": other, "group_id": null},
            ],
            "incidents": [
                {"name": "Calls fail in Frankfurt", "components": [{"id": "c1"}]},
                {"name": "Reports are late", "components": [{"id": "c3"}]},
            ],
        })
    }

    fn state(summary: &Value, name: &str) -> Result<PageState, String> {
        state_of(summary, &[name.to_owned()])
    }

    #[test]
    fn only_the_named_components_and_those_of_named_groups_count() {
        let page = summary("major_outage", "operational");
        let frankfurt = state(&page, "emea (frankfurt)").unwrap();
        assert_eq!(frankfurt.status, "MAJOR_OUTAGE");
        let detail = "Voice: major outage; Calls fail in Frankfurt";
        assert_eq!(frankfurt.detail, detail);
        let east = state(&page, "Americas (US East)").unwrap();
        assert_eq!(
            (east.status.as_str(), east.detail.as_str()),
            (OPERATIONAL, "")
        );
    }

    #[test]
    fn the_worst_component_gives_the_status() {
        let all = ["EMEA (Frankfurt)", "Americas (US East)"].map(str::to_owned);
        let status = |voice, other| state_of(&summary(voice, other), &all).unwrap().status;
        assert_eq!(
            status("degraded_performance", "partial_outage"),
            "PARTIAL_OUTAGE"
        );
        assert_eq!(
            status("under_maintenance", "operational"),
            "UNDER_MAINTENANCE"
        );
        assert_eq!(status("on_fire", "degraded_performance"), "ON_FIRE");
    }

    #[test]
    fn a_page_without_the_component_is_not_taken_for_well() {
        let missing = state(&summary("operational", "operational"), "Frankfort");
        assert!(missing.unwrap_err().contains("Frankfort"));
        assert!(state(&json!({"page": {}}), "Voice").is_err());
    }
}
