//! Many incidents with one cause: one ticket.

use serde_json::Value;

use crate::daemon::site::{Site, Ticket};
use crate::support::crm::At;

/// Whether the ticket `id` hangs under `parent`.
fn hangs_under(site: &Site, at: At, id: &str, parent: &str) -> bool {
    let tickets = site.tickets(at);
    tickets
        .iter()
        .any(|one| one.id == id && one.parent == parent)
}

#[tokio::test]
async fn two_hundred_queues_of_a_site_are_one_ticket_in_each_crm_and_all_resolves_by_itself() {
    for at in At::BOTH {
        let mut site = Site::open(at, at, "").await;
        site.breach("A", 0..1).await;
        let first = site.until_tickets(at, 1).await.remove(0);
        site.breach("A", 1..200).await;
        let outage = site.until_outages(at, 1).await.remove(0);
        for part in [
            "200 breaching, 200 in all",
            "175 more",
            "queue.waitTime.avg: latest 400 s, highest 400 s",
        ] {
            assert!(outage.text.contains(part), "{part}\n{}", outage.text);
        }
        site.world.all_delivered().await;
        assert!(hangs_under(&site, at, &first.id, &outage.id), "{at:?}");
        assert_eq!(site.tickets(at).len(), 2, "{at:?}: members have none");
        let own = site.tickets(at).into_iter().find(|one| one.id == first.id);
        let told = own.map(|one| one.comments.join("\n")).unwrap_or_default();
        let why = "This is part of the outage site of A: at least 4 of this group breached within ";
        assert!(told.contains(why), "{at:?}: {told}");
        assert_eq!(told.matches("The outage's ticket is ").count(), 1, "{told}");
        assert!(told.contains(&outage.id), "its address: {at:?}: {told}");
        site.world.daemon.kill();
        site.world.start().await;
        site.recover("A", 0..200).await;
        site.until_all_is_over(at).await;
        assert_eq!(site.tickets(at).len(), 2, "{at:?}");
        let last = site.outages(at)[0].comments.join("\n");
        let totals =
            "200 incidents in all, 200 of them over. queue.waitTime.avg: lowest 400 s (Queue A";
        assert!(last.contains(totals), "{last}");
    }
}

/// What `ringdown` prints with `arguments`.
fn printed(site: &Site, arguments: &[&str]) -> String {
    let ran = site.world.command(arguments).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[tokio::test]
async fn members_have_names_and_the_worst_of_them_comes_first_on_the_ticket_and_in_the_lists() {
    let at = At::ServiceNow;
    let site = Site::unstarted(at, at, "").await;
    let title = "short_description = \"{{ queue_name or trunk_name }}\"";
    site.edit(
        title,
        "short_description = \"Telephony: {{ rule }} on {{ queue_name or trunk_name }}\"",
    );
    site.edit("(queue_id or trunk_id)[:1]", "labels.site or 'all'");
    let mut site = site;
    site.world.start().await;
    for (number, average) in [(0, 400.0), (1, 500.0), (2, 699.0), (3, 600.0)] {
        site.queues("A", number..number + 1, average).await;
    }
    let outage = site.until_outages(at, 1).await.remove(0);
    assert_eq!(outage.title, "Telephony: outage site: queues in trouble");
    let names: Vec<&str> = outage
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("- ")?.split(" (").next())
        .collect();
    let worst_first = ["Queue A2", "Queue A3", "Queue A1", "Queue A0"];
    assert_eq!(names, worst_first, "{}", outage.text);
    site.world.all_delivered().await;
    let listed = printed(&site, &["incidents", "--outage", &outage.number]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    for (line, name) in lines.iter().zip(worst_first) {
        assert!(line.contains(name), "{listed}");
    }
    assert!(lines[0].contains("699s > 300s"), "{listed}");
    let stands = format!("{}, of the outage site all", outage.number);
    assert!(lines[0].contains(&stands), "{listed}");
    let shown = printed(&site, &["incidents", "show", "queue a2"]);
    let outage_id = site.incident("A2").await["outage_id"].clone();
    assert!(!shown.contains(outage_id.as_str().unwrap()), "{shown}");
    assert!(
        shown.contains(&format!("site all, {} in servicenow", outage.number)),
        "{shown}"
    );
    assert!(
        shown.contains(&format!(
            "outage site all ({} in servicenow)",
            outage.number
        )),
        "{shown}"
    );
    // A reading that has moved since moves the queue.
    site.queues("A", 0..1, 999.0).await;
    site.world
        .until("the worst has changed", async || {
            let path = format!("incidents?sort=worst&outage={}", outage.number);
            site.world.items(&path).await[0]["name"] == "Queue A0"
        })
        .await;
}

#[tokio::test]
async fn a_ticket_in_another_crm_than_the_outages_names_it_in_a_comment() {
    for at in At::BOTH {
        let mut site = Site::open(at, at.other(), "").await;
        site.breach("A", 0..1).await;
        site.until_tickets(at, 1).await;
        site.breach("A", 1..12).await;
        let outage = site.until_outages(at.other(), 1).await.remove(0);
        let named = format!("{} in {}", outage.number, at.other().name());
        site.world
            .until("the first ticket names the outage's", async || {
                let first = &site.tickets(at)[0];
                first.comments.iter().any(|one| one.contains(&named))
            })
            .await;
        site.world.all_delivered().await;
        let first = &site.tickets(at)[0];
        assert!(first.parent.is_empty(), "{first:?}");
        assert_eq!(first.comments.len(), 1, "{first:?}");
        site.recover("A", 0..12).await;
        site.until_all_is_over(at).await;
        site.until_all_is_over(at.other()).await;
        assert_eq!(site.tickets(at).len() + site.tickets(at.other()).len(), 2);
    }
}

#[tokio::test]
async fn sites_have_outages_of_their_own_and_hold_nothing_of_one_another() {
    let at = At::Salesforce;
    let mut site = Site::open(at, at, "").await;
    site.breach("A", 0..6).await;
    site.breach("B", 0..6).await;
    let outages = site.until_outages(at, 2).await;
    // Both are sent at once, so that either may come first.
    let is_over = |outages: &[Ticket], name: &str| {
        let title = format!("outage site of {name}");
        let found = outages.iter().find(|one| one.title == title);
        found
            .unwrap_or_else(|| panic!("{title}: {outages:?}"))
            .closed
    };
    assert!(!is_over(&outages, "A") && !is_over(&outages, "B"));
    // One queue of another site, and one more of a site that has its outage.
    site.breach("C", 0..1).await;
    site.breach("A", 6..7).await;
    let tickets = site.until_tickets(at, 3).await;
    assert_eq!(tickets[2].title, "Queue C0");
    site.recover("A", 0..7).await;
    site.world
        .until("the one outage is over", async || {
            is_over(&site.outages(at), "A")
        })
        .await;
    assert!(!is_over(&site.outages(at), "B"), "the other goes on");
    site.recover("B", 0..6).await;
    site.recover("C", 0..1).await;
    site.until_all_is_over(at).await;
    assert_eq!(site.tickets(at).len(), 3);
}

#[tokio::test]
async fn a_breach_without_a_group_gets_its_ticket_at_once() {
    let at = At::Salesforce;
    // A value that is missing, and one that says nothing.
    for group in ["labels.site", "labels.site or ' '"] {
        let mut site = Site::unstarted(at, at, "").await;
        site.edit("(queue_id or trunk_id)[:1]", group);
        site.edit("hold = \"1s\"", "hold = \"1h\"");
        site.world.start().await;
        site.breach("A", 0..6).await;
        let tickets = site.until_tickets(at, 6).await;
        assert!(tickets.iter().all(|one| !one.is_outage()), "{tickets:?}");
    }
}

#[tokio::test]
async fn a_trunk_that_is_down_explains_the_queues_of_its_site_as_long_as_it_is() {
    let at = At::ServiceNow;
    let mut site = Site::open(at, at, "causes = [\"trunk-down\"]").await;
    site.trunk("A-trunk", "DOWN").await;
    let trunk = site.until_tickets(at, 1).await.remove(0);
    assert_eq!(trunk.title, "Trunk A-trunk");
    site.breach("A", 0..2).await;
    let outage = site.until_outages(at, 1).await.remove(0);
    let story = "- Trunk A-trunk (trunk-down) explains the others, since ";
    assert!(outage.text.contains(story), "{}", outage.text);
    let line = outage.text.lines().find(|line| line.starts_with(story));
    assert!(line.unwrap().ends_with(", status DOWN"), "{}", outage.text);
    let queue = "- Queue A0 (queue-wait), since ";
    assert!(outage.text.contains(queue), "{}", outage.text);
    site.world.all_delivered().await;
    assert!(hangs_under(&site, at, &trunk.id, &outage.id));
    // The trunk is back, its queues are not yet; another queue of the site has its own trouble.
    site.trunk("A-trunk", "UP").await;
    site.world
        .until("the trunk's ticket is closed", async || {
            site.tickets(at)[0].closed
        })
        .await;
    site.breach("A", 7..8).await;
    let own = site.until_tickets(at, 3).await.remove(2);
    assert_eq!((own.title.as_str(), own.parent.as_str()), ("Queue A7", ""));
    assert!(!site.outages(at)[0].closed);
    site.recover("A", 0..2).await;
    site.world
        .until("the outage is over", async || site.outages(at)[0].closed)
        .await;
    site.world.all_delivered().await;
    assert!(!site.tickets(at)[2].closed, "the other trouble goes on");
    assert_eq!(site.tickets(at)[2].parent, "");
    site.recover("A", 7..8).await;
    site.until_all_is_over(at).await;
    assert_eq!(site.tickets(at).len(), 3);
}

#[tokio::test]
async fn the_ticket_is_told_of_changes_at_most_once_in_update_every_and_of_totals_at_last() {
    let at = At::Salesforce;
    let mut site = Site::open(at, at, "update_every = \"2s\"").await;
    // From before it opens: the rate is bounded from then on, and the last comment is beside it.
    let began = std::time::Instant::now();
    site.breach("A", 0..6).await;
    site.until_outages(at, 1).await;
    site.queues("A", 6..7, 950.0).await;
    for queue in 0..6 {
        site.recover("A", queue..queue + 1).await;
        let key = format!("A{queue}");
        site.world
            .until("it is over", async || {
                site.incident(&key).await["state"] == "closed"
            })
            .await;
    }
    let told = |site: &Site| site.outages(at)[0].comments.clone();
    site.world
        .until("it is told", async || {
            told(&site)
                .iter()
                .any(|one| one.contains("1 breaching, 7 in all"))
        })
        .await;
    site.recover("A", 6..7).await;
    site.until_all_is_over(at).await;
    let (comments, lasted) = (told(&site), began.elapsed().as_secs());
    let most = usize::try_from(lasted / 2).unwrap() + 1;
    assert!(comments.len() <= most, "{lasted} s: {comments:?}");
    let last = comments.last().unwrap();
    for part in [
        "Recovered: clear since ",
        "It lasted ",
        "7 incidents in all, 7 of them over",
        "highest 950 s (Queue A6)",
    ] {
        assert!(last.contains(part), "{part} is missing in {last}");
    }
}

#[tokio::test]
async fn a_site_that_comes_and_goes_has_its_next_ticket_after_the_burst_lock() {
    let at = At::Salesforce;
    let mut site = Site::open(at, at, "burst_lock = \"8s\"").await;
    site.breach("A", 0..6).await;
    site.until_outages(at, 1).await;
    site.recover("A", 0..6).await;
    site.until_all_is_over(at).await;
    site.breach("A", 0..6).await;
    site.world
        .until("the next outage waits", async || {
            let waiting = site
                .world
                .items("incidents?rule=outage:site&state=pending")
                .await;
            waiting.len() == 1 && waiting[0]["members"] == 6
        })
        .await;
    assert_eq!(site.tickets(at).len(), 1);
    site.until_outages(at, 2).await;
    let told = site.incident("A").await["history"].to_string();
    assert!(told.contains("burst_lock until"), "{told}");
    site.recover("A", 0..6).await;
    site.until_all_is_over(at).await;
    assert_eq!(site.tickets(at).len(), 2);
}

#[tokio::test]
async fn members_are_shown_with_their_outage_and_whoever_asks_for_a_queue_hears_its_ticket() {
    let at = At::ServiceNow;
    let mut site = Site::open(at, at, "").await;
    site.breach("A", 0..6).await;
    site.breach("B", 0..1).await;
    let outage = site.until_outages(at, 1).await.remove(0);
    site.world.all_delivered().await;
    let listed = site
        .world
        .items("incidents?rule=outage:site")
        .await
        .remove(0);
    assert_eq!(listed["members"], 6);
    let id = listed["id"].as_str().unwrap();
    let members = site.world.items(&format!("incidents?outage={id}")).await;
    assert_eq!(members.len(), 6);
    assert!(members.iter().all(|one| one["outage_id"] == id));
    assert!(members.iter().all(|one| one["members"] == Value::Null));
    let shown = site.world.api(&format!("incidents/{id}")).await;
    assert_eq!(shown["outage"]["joined"], 6);
    assert_eq!(site.incident("B0").await["outage_id"], Value::Null);
    site.world
        .until("the ticket's number is told for a held queue", async || {
            let queue = site.world.api("queues/A3/incident").await;
            queue["ticket_number"] == outage.number.as_str()
        })
        .await;
    let held = site.incident("A3").await["history"].to_string();
    assert!(held.contains("held by an outage"), "{held}");
    let mut command =
        site.world
            .command(&["incidents", "list", "--outage", id, "--output", "json"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let page: Value = serde_json::from_slice(&output.await.unwrap().stdout).unwrap();
    assert_eq!(page["items"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn explain_says_which_outage_a_breach_counts_for_and_how_long_its_ticket_is_held() {
    let at = At::Salesforce;
    let causes = "causes = [\"trunk-down\"]";
    let site = Site::unstarted(at, at, causes).await;
    let explained = async |payload: Value| {
        let file = site.world.folder.path().join("payload.json");
        std::fs::write(&file, payload.to_string()).unwrap();
        let mut command = site.world.command(&["explain", file.to_str().unwrap()]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        String::from_utf8(output.await.unwrap().stdout).unwrap()
    };
    let queue = explained(crate::support::world::event("e1", "A1", 400.0)).await;
    for part in [
        "outage   site of A",
        "held back for 1s",
        "4 keys that begin to breach within 2m",
    ] {
        assert!(queue.contains(part), "{part} is missing in\n{queue}");
    }
    assert!(!queue.contains("explains what else"), "{queue}");
    let trunk = serde_json::json!({"id": "e2", "type": "telephony.trunk.status",
        "timestamp": "2026-11-23T14:00:09Z", "trunk": {"id": "B-trunk", "name": "SBC"},
        "status": "DOWN"});
    let trunk = explained(trunk).await;
    assert!(trunk.contains("outage   site of B"), "{trunk}");
    assert!(trunk.contains("it explains what else breaches"), "{trunk}");
    let calm = explained(crate::support::world::event("e3", "A1", 100.0)).await;
    assert!(!calm.contains("held back"), "{calm}");
}
