//! The account at the end: what was acknowledged against the journal, what was breached
//! against the CRMs' own records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::campaign::Campaign;

/// Longest wait until everything is settled.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);
/// What is not settled by then waits for a time.
const SETTLED_QUICKLY_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// What a campaign came to.
#[derive(Debug, Default)]
pub(crate) struct Account {
    kills: BTreeMap<&'static str, u64>,
    acknowledged: usize,
    resent: u64,
    duplicates: u64,
    keys: usize,
    tickets: usize,
    /// Incidents that were over before their ticket could be created.
    over: usize,
    /// Conditions of the CRMs meanwhile, and how many different ones.
    conditions: (u64, usize),
    /// Everything that breaks a promise, in words.
    broken: Vec<String>,
    lost: usize,
    doubled: usize,
    seconds: f64,
}

impl Account {
    /// Fails when a promise is broken.
    pub(crate) fn assert_kept(&self) {
        assert!(self.broken.is_empty(), "{self}\n{}", self.broken.join("\n"));
    }

    fn lost(&mut self, what: String) {
        self.lost += 1;
        self.broken.push(format!("lost: {what}"));
    }

    fn doubled(&mut self, what: String) {
        self.doubled += 1;
        self.broken.push(format!("doubled: {what}"));
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} kills, {} events acknowledged, {} sent again, {} heard twice, {} keys breached, \
             {} tickets, {} lost, {} doubled, {:.1} s",
            self.kills.values().sum::<u64>(),
            self.acknowledged,
            self.resent,
            self.duplicates,
            self.keys,
            self.tickets,
            self.lost,
            self.doubled,
            self.seconds
        )?;
        let (conditions, different) = self.conditions;
        if conditions > 0 {
            write!(
                out,
                "; {conditions} times one of {different} conditions, {} incidents over before \
                 their ticket could be created",
                self.over
            )?;
        }
        if self.kills.len() > 1 {
            write!(out, "; kills by place:")?;
            for (name, count) in &self.kills {
                write!(out, " {name} {count}")?;
            }
        }
        Ok(())
    }
}

/// What the daemon says of one incident.
struct Known {
    rule: String,
    state: String,
    ticket: Value,
    /// It was over while its create was a dead letter, and had certainly had no effect.
    is_over: bool,
}

/// Whether a delivery waits behind the dead create of an incident that is over, and so for a person:
/// such an incident needs no ticket any more.
fn waits_for_a_person(delivery: &Value, incident: &Value) -> bool {
    let waits_for = delivery["waits_for"].as_str().unwrap_or_default();
    waits_for.starts_with("until its create succeeds or is discarded")
        && incident["state"] == "closed"
        && incident["ticket"]["id"].is_null()
}

/// A record of a CRM: its id, whether it is closed.
type Record = (String, bool);

impl Campaign {
    /// Waits until everything is settled, and draws up the account. A daemon must be alive.
    pub(crate) async fn account(&self) -> Account {
        let mut account = Account {
            kills: self.ends.clone(),
            keys: self.keys.len(),
            ..Account::default()
        };
        if let Some(conditions) = &self.conditions {
            account.conditions = conditions.counts();
        }
        let settled = self.settle().await;
        {
            let ledger = self.sender.ledger();
            account.acknowledged = ledger.acknowledged.len();
            account.resent = ledger.resent;
            account.duplicates = ledger.duplicates;
            account.broken.extend(ledger.wrong.iter().cloned());
        }
        account.broken.extend(settled.err());
        self.compare_events(&mut account).await;
        self.compare_tickets(&mut account).await;
        account.seconds = self.begun.elapsed().as_secs_f64();
        account
    }

    async fn settle(&self) -> Result<(), String> {
        let begun = Instant::now();
        // What a CRM has refused alone is tried again rarely.
        let mut may_wait_long = self.conditions.is_some();
        loop {
            let unsettled = self.unsettled().await;
            let Some(what) = unsettled else {
                return Ok(());
            };
            if may_wait_long && begun.elapsed() > SETTLED_QUICKLY_WITHIN {
                self.let_the_longest_wait_pass();
                may_wait_long = false;
            }
            if begun.elapsed() > SETTLED_WITHIN {
                let targets = self.world.api("targets").await;
                return Err(format!("not settled: {what}; the targets: {targets}"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What is still to be done, if anything is.
    async fn unsettled(&self) -> Option<String> {
        if !self.sender.is_done() {
            return Some("an event is not acknowledged".to_owned());
        }
        for list in [
            "events?state=received&limit=1",
            "deliveries?state=waiting&limit=1",
            "deliveries?state=sending&limit=1",
            "deliveries?state=parked&limit=500",
        ] {
            let answer = self.world.api(list).await;
            let Some(items) = answer["items"].as_array() else {
                return Some(format!("{list} is answered with {answer}"));
            };
            for item in items {
                let incident = match item["incident_id"].as_str() {
                    Some(id) => self.world.api(&format!("incidents/{id}")).await,
                    None => Value::Null,
                };
                if !waits_for_a_person(item, &incident) {
                    return Some(format!("{list}: {item}; its incident: {incident}"));
                }
            }
        }
        for dead in self.all("dead-letters").await {
            if !self.is_over(&dead).await {
                return Some(format!("a dead letter: {dead}"));
            }
        }
        None
    }

    /// Whether `dead` is the create of an incident that is over: it needs no ticket any more.
    async fn is_over(&self, dead: &Value) -> bool {
        let id = dead["incident_id"].as_str().unwrap_or_default();
        let incident = self.world.api(&format!("incidents/{id}")).await;
        let has_none = incident["ticket"]["id"].is_null();
        dead["operation"] == "create" && incident["state"] == "closed" && has_none
    }

    /// Whether the timeline of the delivery's incident says that it was over without a ticket.
    async fn is_said(&self, delivery: &Value) -> bool {
        let id = delivery["incident_id"].as_str().unwrap_or_default();
        let timeline = self.world.items(&format!("incidents/{id}/timeline")).await;
        let mut causes = timeline.iter().filter_map(|one| one["cause"].as_str());
        causes.any(|cause| cause.contains("it was over without a ticket"))
    }

    /// Every page of a list of the admin API.
    async fn all(&self, list: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.world.api(&format!("{list}?limit=500{cursor}")).await;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    async fn compare_events(&self, account: &mut Account) {
        let acknowledged = self.sender.ledger().acknowledged.clone();
        let mut shown = BTreeSet::new();
        for event in self.all("events").await {
            let id = event["event_id"].as_str().unwrap_or_default().to_owned();
            if event["state"] != "decided" {
                account.lost(format!("event {id} is {}", event["state"]));
            }
            if !shown.insert(id.clone()) {
                account.doubled(format!("event {id}"));
            }
        }
        for id in acknowledged.difference(&shown) {
            account.lost(format!("event {id}, which was acknowledged"));
        }
        let (rows, distinct, last, cursor) = self.journal().await;
        if rows != distinct || usize::try_from(distinct) != Ok(acknowledged.len()) {
            let known = acknowledged.len();
            account.broken.push(format!(
                "{rows} journal rows of {distinct} events, {known} acknowledged"
            ));
        }
        if cursor != last {
            account
                .broken
                .push(format!("decided to {cursor} of {last}"));
        }
    }

    /// The journal as it lies in the file: rows, distinct ids, last place, place decided to.
    async fn journal(&self) -> (i64, i64, i64, i64) {
        let file = self.world.folder.path().join("ringdown.db");
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query_as(
            "select count(*), count(distinct event_id), coalesce(max(seq), 0), \
              (select position from cursors where name = 'decide') from events",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap()
    }

    async fn compare_tickets(&self, account: &mut Account) {
        let mut over = BTreeSet::new();
        for dead in self.all("dead-letters").await {
            if self.is_over(&dead).await {
                over.insert(dead["incident_id"].to_string());
            }
        }
        // A create that was refused, and whose incident ended before a try succeeded, is discarded.
        for discarded in self.all("deliveries").await {
            let is_refused =
                discarded["state"] == "discarded" && discarded["last_error"].is_object();
            if is_refused && self.is_over(&discarded).await && self.is_said(&discarded).await {
                over.insert(discarded["incident_id"].to_string());
            }
        }
        account.over = over.len();
        let mut incidents: BTreeMap<String, Vec<Known>> = BTreeMap::new();
        for incident in self.all("incidents").await {
            let text = |name: &str| incident[name].as_str().unwrap_or_default().to_owned();
            incidents.entry(text("key")).or_default().push(Known {
                rule: text("rule"),
                state: text("state"),
                ticket: incident["ticket"]["id"].clone(),
                is_over: over.contains(&incident["id"].to_string()),
            });
        }
        for (rule, records) in [
            ("queue-wait", self.salesforce_records()),
            ("queue-wait-servicenow", self.servicenow_records()),
        ] {
            account.tickets += records.values().map(Vec::len).sum::<usize>();
            for (key, said) in &self.keys {
                let known = incidents.get(key).map_or(&[][..], Vec::as_slice);
                let known: Vec<&Known> = known.iter().filter(|one| one.rule == rule).collect();
                let records = records.get(key).map_or(&[][..], Vec::as_slice);
                compare(
                    account,
                    &format!("{rule} {key}"),
                    said.recovered,
                    &known,
                    records,
                );
            }
            for key in records.keys().filter(|key| !self.keys.contains_key(*key)) {
                account
                    .broken
                    .push(format!("a ticket of {key}, which never breached"));
            }
        }
    }

    fn salesforce_records(&self) -> BTreeMap<String, Vec<Record>> {
        by_key(self.world.simulator.salesforce().tickets(), |ticket| {
            let closed = ticket["IsClosed"] == true;
            (&ticket["Queue__c"], &ticket["Id"], closed)
        })
    }

    fn servicenow_records(&self) -> BTreeMap<String, Vec<Record>> {
        by_key(self.world.simulator.servicenow().tickets(), |ticket| {
            let closed = ticket["state"] == "6";
            (&ticket["short_description"], &ticket["sys_id"], closed)
        })
    }
}

fn by_key(
    tickets: Vec<Value>,
    read: impl Fn(&Value) -> (&Value, &Value, bool),
) -> BTreeMap<String, Vec<Record>> {
    let mut records: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for ticket in &tickets {
        let (key, id, closed) = read(ticket);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        records
            .entry(text(key))
            .or_default()
            .push((text(id), closed));
    }
    records
}

/// Holds one key in one CRM to its one ticket.
fn compare(
    account: &mut Account,
    what: &str,
    recovered: bool,
    known: &[&Known],
    records: &[Record],
) {
    match records {
        [] if recovered && known.iter().all(|one| one.is_over) => {}
        [] => account.lost(format!("{what} has no ticket")),
        [_] => {}
        many => account.doubled(format!("{what} has {} tickets", many.len())),
    }
    let [incident] = known else {
        account
            .broken
            .push(format!("{what} has {} incidents", known.len()));
        return;
    };
    let Some((id, closed)) = records.first() else {
        return;
    };
    if incident.ticket != id.as_str() {
        account
            .broken
            .push(format!("{what} owns {} and not {id}", incident.ticket));
    }
    if recovered && (!closed || incident.state == "open") {
        account.broken.push(format!(
            "{what} has recovered; its incident is {}, its ticket closed: {closed}",
            incident.state
        ));
    }
}
