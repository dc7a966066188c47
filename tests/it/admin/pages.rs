//! Every page: what is on it, how it is guarded in the browser, and hostile names.

use std::time::Duration;

use reqwest::Method;
use ringdown::domain::activity::Activity;
use ringdown::domain::decision::Suppression;
use ringdown::store::{DecisionBatch, HourCounts};
use serde_json::json;

use crate::admin::values::{ago, incident, kept, opened};
use crate::admin::world::{OPEN, OPERATOR, VIEWER, World};

const PAGES: &[(&str, &[&str])] = &[
    (
        "/ui/",
        &[
            "3 queues in trouble, 1 ticketed, 1 without a ticket, 1 held back",
            "INC0012345",
            "NO TICKET",
            "412.5s",
            "limit 300s",
            "1 × create in salesforce",
            "The last 24 hours",
            "1 ticket; 1 failed attempt",
            "tickets created: 1",
            "url(#p-failure)",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION|Priority is required",
            "servicenow",
        ],
    ),
    (
        "/ui/incidents/00000000-0000-7000-8000-000000000001",
        &[
            "Billing is in trouble; ticket INC0012345 in servicenow",
            "https://crm.example/INC0012345",
            "<svg",
            "breach 300",
            "clear 240",
            "Opened|opened",
            "Deliveries to the ticket",
            "id-of-q-1",
        ],
    ),
    (
        "/ui/incidents/00000000-0000-7000-8000-000000000002",
        &["NO TICKET", "Priority is required"],
    ),
    ("/ui/why", &["Why?"]),
    (
        "/ui/why?q=e-3",
        &["Billing had not lasted long enough", "trunk-down"],
    ),
    ("/ui/why?q=bill", &["3 incidents match"]),
    ("/ui/why?q=nothing-like-it", &["Nothing is known"]),
    (
        "/ui/waits",
        &[
            "create in salesforce",
            "Priority is required",
            "/metrics/0/name: missing",
        ],
    ),
    ("/ui/targets", &["servicenow", "Token obtained"]),
    ("/ui/sources", &["genesys", "ago"]),
    ("/ui/silences", &["There are none."]),
    ("/ui/configuration", &["[secret]"]),
    ("/ui/audit", &["Nobody has changed anything yet."]),
];

#[tokio::test]
async fn every_page_shows_what_it_is_for_and_lets_nothing_foreign_in() {
    let world = World::filled().await;
    let cookie = world.sign_in(VIEWER).await;
    for (path, parts) in PAGES {
        let page = world.page(&cookie, path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        for part in *parts {
            let found = part.split('|').any(|one| page.text.contains(one));
            assert!(found, "{path} has no {part:?}:\n{}", page.text);
        }
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(
            !page.text.contains("<form action=\"/ui/dead"),
            "a viewer acts"
        );
        assert!(
            !page.text.contains(" style="),
            "the policy forbids it: {path}"
        );
    }
}

#[tokio::test]
async fn a_group_shows_its_plan_to_operators_and_its_content_to_all() {
    let world = World::filled().await;
    let dead = world.get("/api/v1/dead-letters").await.of_items("id")[0].clone();
    let item = world.get("/api/v1/review").await.of_items("id")[0].clone();
    for (path, content, form) in [
        (
            format!("/ui/waits/dead-letters/{dead}"),
            "Priority is missing here",
            format!("/ui/dead-letters/{dead}/replay-group"),
        ),
        (
            format!("/ui/waits/review/{item}"),
            "◀ metrics is missing here",
            format!("/ui/review/{item}/reprocess-group"),
        ),
    ] {
        for (token, acts) in [(VIEWER, false), (OPERATOR, true)] {
            let cookie = world.sign_in(token).await;
            let page = world.page(&cookie, &path).await;
            assert_eq!(page.status, 200, "{}", page.text);
            assert!(page.text.contains(content), "{}", page.text);
            assert_eq!(page.text.contains(&form), acts, "{path} as {token}");
        }
    }
}

#[tokio::test]
async fn hostile_names_are_only_text() {
    let world = World::filled().await;
    let key = "<script>alert(1)</script>\u{202e}gnp.x=\"'&";
    let mut hostile = incident(
        "00000000-0000-7000-8000-000000000666",
        "queue-wait",
        key,
        ago(5),
    );
    hostile.severity = "critical".to_owned();
    opened(&mut hostile);
    let mut record = kept(hostile, "genesys", "servicenow");
    let name = format!("{key}{}", "y".repeat(5_000));
    record.context = json!({"queue_id": key, "queue_name": name}).to_string();
    world
        .keep(DecisionBatch {
            incidents: vec![record],
            ..DecisionBatch::default()
        })
        .await;
    let cookie = world.sign_in(OPERATOR).await;
    let asked = "/ui/why?q=%3Cscript%3Ealert(1)%3C/script%3E";
    for path in [
        "/ui/",
        "/ui/incidents/00000000-0000-7000-8000-000000000666",
        asked,
    ] {
        let page = world.page(&cookie, path).await;
        let text = match page.status {
            303 => world.page(&cookie, page.header("location")).await.text,
            _ => page.text,
        };
        assert!(text.contains("&lt;script&gt;alert(1)"), "{path}:\n{text}");
        assert!(!text.contains("<script>alert"), "{path}");
        assert!(!text.contains('\u{202e}'), "{path} turns its text around");
        assert!(text.contains("\\u{202e}"), "{path}");
    }
    let now = world.page(&cookie, "/ui/").await.text;
    assert!(!now.contains(&"y".repeat(500)), "a name fills the page");
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let world = World::filled().await;
    let cookie = world.sign_in(VIEWER).await;
    for path in [
        "/ui/nothing",
        "/ui/incidents/x",
        "/ui/waits/review/999",
        "/ui/waits/review/x",
    ] {
        let page = world.page(&cookie, path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("<h1>Not found</h1>"), "{}", page.text);
        assert!(!page.header("content-security-policy").is_empty());
    }
    let start = world.page("", "/ui").await;
    assert_eq!(start.header("location"), "/ui/");
    let page = world.page(&cookie, "/ui/").await.text;
    for asset in ["/ui/style.css?v=", "/ui/live.js?v="] {
        let from = page.find(asset).unwrap();
        let path = page[from..].split('"').next().unwrap();
        assert_eq!(world.page("", path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_open_page_is_told_of_a_change_and_there_are_only_so_many_places() {
    let world = World::filled().await;
    let cookie = world.sign_in(VIEWER).await;
    let open = || async {
        let request = world.request(Method::GET, "/ui/changes");
        request.header("cookie", &cookie).send().await.unwrap()
    };
    let mut first = open().await;
    assert_eq!(first.headers()["content-type"], "text/event-stream");
    let hello = first.chunk().await.unwrap().unwrap();
    // A browser drops an event without data.
    assert_eq!(&hello[..], b"event: hello\ndata: hello\n\n");
    let dead = world.get("/api/v1/dead-letters").await.of_items("id")[0].clone();
    world
        .post(&format!("/api/v1/dead-letters/{dead}/replay"), "")
        .await;
    let told = tokio::time::timeout(Duration::from_secs(10), first.chunk());
    let told = told.await.unwrap().unwrap().unwrap();
    assert!(told.starts_with(b"event: changed"), "{told:?}");

    let mark = world.page(&cookie, "/ui/mark").await.text;
    assert_eq!(world.page(&cookie, "/ui/mark").await.text, mark);
    let mut held = vec![first];
    loop {
        let next = open().await;
        if next.status() == 204 {
            break;
        }
        held.push(next);
        assert!(held.len() <= 32, "there is no limit");
    }
    assert_eq!(held.len(), 32);
}

#[tokio::test]
async fn the_incident_page_links_to_what_happened_before() {
    let world = World::filled().await;
    let mut again = incident(
        "00000000-0000-7000-8000-000000000777",
        "queue-wait",
        "q-1",
        ago(1),
    );
    opened(&mut again);
    // The older one has to be over for its key to be free.
    let mut before = incident(OPEN, "queue-wait", "q-1", ago(300));
    opened(&mut before);
    before.close(ago(60));
    world
        .keep(DecisionBatch {
            incidents: vec![
                kept(before, "genesys", "servicenow"),
                kept(again, "genesys", "servicenow"),
            ],
            ..DecisionBatch::default()
        })
        .await;
    let cookie = world.sign_in(VIEWER).await;
    let page = world
        .page(
            &cookie,
            "/ui/incidents/00000000-0000-7000-8000-000000000777",
        )
        .await
        .text;
    assert!(page.contains("It happened before"), "{page}");
    assert!(page.contains(&format!("/ui/incidents/{OPEN}")), "{page}");
    assert!(page.contains("for 4 min"), "{page}");
}

#[tokio::test]
async fn the_last_day_shows_what_held_breaches_back_and_outages_as_bands() {
    let world = World::empty().await;
    let mut activity = HourCounts::default();
    for _ in 0..3 {
        activity.add(ago(60), Activity::Event);
        activity.add(ago(60), Activity::Breach);
        activity.add(ago(60), Activity::Suppressed(Suppression::BurstLock));
    }
    activity.add(ago(30 * 3_600), Activity::Event);
    let mut outage = incident(OPEN, "outage:site", "Berlin", ago(7_200));
    opened(&mut outage);
    let batch = DecisionBatch {
        incidents: vec![kept(outage, "genesys", "servicenow")],
        activity,
        ..DecisionBatch::default()
    };
    world.keep(batch.clone()).await;
    world
        .keep(DecisionBatch {
            incidents: Vec::new(),
            ..batch
        })
        .await;
    let cookie = world.sign_in(VIEWER).await;
    let page = world.page(&cookie, "/ui/").await.text;
    for part in [
        "6 events, 6 of them with a breach; 0 breaches written to a ticket, 6 held back; 0 tickets; \
         0 failed attempts; 1 outage",
        "burst lock: 6",
        "Outage site Berlin from",
        "<td>burst lock 6</td>",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
}

#[tokio::test]
async fn the_root_leads_to_the_dashboard() {
    let world = World::empty().await;
    let answer = world.send(world.request(Method::GET, "/")).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/ui/"));
}

#[tokio::test]
async fn a_silence_that_is_refused_leaves_what_was_typed_in_the_form() {
    let world = World::empty().await;
    let cookie = world.sign_in(OPERATOR).await;
    for path in ["/ui/silences", "/ui/silences/preview"] {
        let form = world.form(path, "match=nonsense&for=2h&reason=carrier+work");
        let answer = world.send(form.header("cookie", &cookie)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        for part in [
            "No silence was made",
            ">nonsense</textarea>",
            "carrier work",
        ] {
            assert!(answer.text.contains(part), "{part}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_incident_alone_can_be_put_into_an_outage_of_its_target() {
    let world = World::filled().await;
    let outage = "00000000-0000-7000-8000-000000000301";
    let elsewhere = "00000000-0000-7000-8000-000000000302";
    let whole = |id: &str, key: &str, target: &str| {
        let mut outage = incident(id, "outage:site", key, ago(40));
        opened(&mut outage);
        kept(outage, "genesys", target)
    };
    let operator = world.sign_in(OPERATOR).await;
    let path = format!("/ui/incidents/{OPEN}");
    let form = format!("{path}/join-outage");
    let page = world.page(&operator, &path).await.text;
    assert!(!page.contains(&form), "there is no outage:\n{page}");
    world
        .keep(DecisionBatch {
            incidents: vec![
                whole(outage, "Berlin", "servicenow"),
                whole(elsewhere, "Paris", "salesforce"),
            ],
            ..DecisionBatch::default()
        })
        .await;
    let page = world.page(&operator, &path).await.text;
    assert!(page.contains(&form), "{page}");
    assert!(
        page.contains(&format!("<option value=\"{outage}\">site Berlin")),
        "{page}"
    );
    assert!(!page.contains(elsewhere), "in another target:\n{page}");
    let viewer = world.sign_in(VIEWER).await;
    let page = world.page(&viewer, &path).await.text;
    assert!(!page.contains("join-outage"), "{page}");
}
