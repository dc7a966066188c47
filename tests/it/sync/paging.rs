//! Many changes are read page by page, each once, whatever times they share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ringdown::clock::Clock;
use ringdown::domain::change_feed::ChangeMark;
use ringdown::domain::identity::{IncidentId, TargetName};
use ringdown::domain::ticket::{TicketFields, TicketKey};
use ringdown::domain::time::Timestamp;
use ringdown::outbound::Redactor;
use ringdown::settings::Loader;
use ringdown::simulator::{self, Fault, FaultKind, Simulator, SimulatorSettings, Trigger};
use ringdown::targets::{self, Crm, TokenVault};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::crm::{At, servicenow};
use crate::sync::desk::{Desk, OFTEN};

struct NoVault;

#[async_trait]
impl TokenVault for NoVault {
    async fn load(&self, _: &TargetName) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
    async fn save(&self, _: &TargetName, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
    async fn lock(&self, _: &TargetName, _: Duration) -> Result<Box<dyn Send>, String> {
        Ok(Box::new(()))
    }
}

fn client(at: At, simulator: &Simulator) -> Arc<dyn Crm> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringdown.toml");
    let target = match at {
        At::Salesforce => format!(
            r#"
[targets.salesforce]
kind = "salesforce"
base_url = "{}"
external_id_field = "Ringdown_Id__c"
[targets.salesforce.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = {{ env = "CRM_SECRET" }}
[targets.salesforce.limit]
per_second = 10000
[targets.salesforce.create]
Subject = "x"
"#,
            simulator.salesforce().base_url()
        ),
        At::ServiceNow => {
            servicenow(simulator).replace("per_second = 200", "per_second = 10000")
                + "[targets.servicenow.create]\nshort_description = \"x\"\n"
        }
    };
    let name = at.name();
    let rest = format!(
        r#"
[sources.genesys]
format = "genesys"
auth = [{{ type = "bearer", secret = {{ env = "CRM_SECRET" }} }}]
[rules.queue-wait]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
targets = ["{name}"]
"#
    );
    std::fs::write(&file, target + &rest).unwrap();
    let secret = simulator::CLIENT_SECRET.to_owned();
    let loader = Loader {
        offline: false,
        crms: targets::profiles(),
        config_dir: folder.path().join("config"),
        environment: [("CRM_SECRET".to_owned(), secret)].into(),
        files: vec![file],
    };
    let loaded = loader.load().unwrap_or_else(|error| panic!("{error}"));
    targets::connect(
        &TargetName::new(name),
        &loaded.settings.targets[name],
        Arc::new(NoVault),
        &Redactor::default(),
        &Clock::System,
    )
    .unwrap()
}

/// Opens `count` tickets of ours. Their times are whole seconds, so most are shared.
async fn open(at: At, client: &Arc<dyn Crm>, count: usize) {
    let field = match at {
        At::Salesforce => "Subject",
        At::ServiceNow => "short_description",
    };
    let mut creates = JoinSet::new();
    for number in 0..count {
        let client = Arc::clone(client);
        creates.spawn(async move {
            let key = TicketKey::of_incident(&IncidentId::new(format!(
                "0195f1c2-0000-7000-8000-{number:012}"
            )));
            let fields: TicketFields = [(field.to_owned(), json!("Waits"))].into_iter().collect();
            client.create(&key, &fields).await.unwrap();
        });
        if creates.len() >= 16 {
            creates.join_next().await.unwrap().unwrap();
        }
    }
    creates.join_all().await;
}

#[tokio::test]
async fn each_of_many_changes_is_on_one_page_and_the_last_page_ends_it() {
    for (at, count, pages) in [(At::Salesforce, 1_050, 2), (At::ServiceNow, 1_050, 3)] {
        let simulator = simulator::start(SimulatorSettings::default())
            .await
            .unwrap();
        let client = client(at, &simulator);
        open(at, &client, count).await;
        let mut from = ChangeMark::from(Timestamp::from_millis(1_600_000_000_000));
        let (mut read, mut asked) = (Vec::new(), 0);
        loop {
            let page = client.changes_after(&from).await.unwrap();
            asked += 1;
            assert!(page.seen.len() <= 1_000, "{at:?}: the whole list at once");
            read.extend(page.seen.into_iter().map(|one| one.ticket_id));
            match page.next {
                Some(next) => from = next,
                None => break,
            }
        }
        assert_eq!((read.len(), asked), (count, pages), "{at:?}");
        read.sort();
        read.dedup();
        assert_eq!(read.len(), count, "{at:?}: a change was on two pages");
    }
}

#[tokio::test]
async fn a_poll_that_fails_between_two_pages_reads_the_newest_changes_of_the_first_once_more() {
    // A change is stored later than another one with a newer time: after a page that was just
    // read, an older change may still become visible.
    let desk = Desk::open(At::ServiceNow, OFTEN).await;
    let servicenow = desk.world.simulator.servicenow();
    open(
        At::ServiceNow,
        &client(At::ServiceNow, &desk.world.simulator),
        600,
    )
    .await;
    let before = servicenow.requests().len();
    // Each poll reads its first page, and fails at the second.
    let unavailable = FaultKind::Unavailable { retry_after: None };
    let alternate = Fault::new(unavailable, Trigger::Every { nth: 2 });
    servicenow.add_fault(alternate.on_method("GET").on_path("/table/incident"));
    let pages = || {
        let requests = servicenow.requests().split_off(before);
        let pages = requests
            .into_iter()
            .filter(|one| one.query.contains("sys_updated_on"));
        let pages = pages.map(|one| (one.query.contains("sys_id%3E"), one.status));
        pages.collect::<Vec<(bool, u16)>>()
    };
    let second = (true, 503);
    let twice = async || pages().into_iter().filter(|page| *page == second).count() >= 2;
    desk.world.until("two polls have failed", twice).await;
    let pages = pages();
    for (page, next) in pages.iter().zip(&pages[1..]) {
        assert!(
            *page != second || !next.0,
            "nothing is read again: {pages:?}"
        );
    }
}
