//! A daemon on both simulated CRMs, with sites whose queues and trunks fail together. A
//! queue's or trunk's site is the first letter of its id.

use std::ops::Range;

use serde_json::{Value, json};

use crate::support::crm::{At, servicenow};
use crate::support::postgres::store_on_postgres;
use crate::support::world::{World, event};

/// A ticket as people see it, in either CRM.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) parent: String,
    pub(crate) closed: bool,
    pub(crate) comments: Vec<String>,
}

impl Ticket {
    pub(crate) fn is_outage(&self) -> bool {
        self.title.contains("outage site")
    }
}

pub(crate) struct Site {
    pub(crate) world: World,
    sent: usize,
}

fn configuration(world: &World, members: At, outage: At, more: &str) -> String {
    format!(
        r#"
[rules.queue-wait]
targets = ["{members}"]
[rules.trunk-down]
events = ["telephony.trunk.status"]
when = 'status == "DOWN"'
clear_for = "0s"
key = "{{{{ trunk_id }}}}"
on_recovery = "resolve"
targets = ["{members}"]
[outages.site]
group_by = "{{{{ (queue_id or trunk_id)[:1] }}}}"
rules = ["queue-wait", "trunk-down"]
at_least = 4
within = "2m"
hold = "1s"
{more}
targets = ["{outage}"]
[targets.salesforce.sync]
poll_every = "200ms"
[targets.salesforce.create]
Subject = "{{{{ queue_name or trunk_name }}}}"
Description = "{{{{ timestamp }}}}"
{servicenow}
[targets.servicenow.sync]
poll_every = "200ms"
[targets.servicenow.create]
short_description = "{{{{ queue_name or trunk_name }}}}"
description = "{{{{ timestamp }}}}"
urgency = "2"
impact = "2"
"#,
        members = members.name(),
        outage = outage.name(),
        servicenow = servicenow(&world.simulator),
    )
}

impl Site {
    /// A running daemon; members have their tickets in one CRM, outages in the other or the
    /// same. `more` are settings of the outage.
    pub(crate) async fn open(members: At, outage: At, more: &str) -> Self {
        let mut site = Self::unstarted(members, outage, more).await;
        site.world.start().await;
        site
    }

    pub(crate) async fn unstarted(members: At, outage: At, more: &str) -> Self {
        let world = World::unstarted("").await;
        let text = configuration(&world, members, outage, more) + &store_on_postgres().await;
        std::fs::write(world.folder.path().join("more.toml"), text).unwrap();
        Self { world, sent: 0 }
    }

    /// Changes the configuration; in force at the next start.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let path = self.world.folder.path().join("more.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Sends a reading of the queues `site` and number, all in one request.
    pub(crate) async fn queues(&mut self, site: &str, numbers: Range<usize>, average: f64) {
        self.sent += 1;
        let events: Vec<Value> = numbers
            .map(|number| {
                let id = format!("{site}{number}-{}", self.sent);
                event(&id, &format!("{site}{number}"), average)
            })
            .collect();
        self.world.accept(&Value::Array(events)).await;
    }

    pub(crate) async fn breach(&mut self, site: &str, numbers: Range<usize>) {
        self.queues(site, numbers, 400.0).await;
    }

    pub(crate) async fn recover(&mut self, site: &str, numbers: Range<usize>) {
        self.queues(site, numbers, 100.0).await;
    }

    pub(crate) async fn trunk(&mut self, id: &str, status: &str) {
        self.sent += 1;
        let event = json!({
            "id": format!("{id}-{}", self.sent), "type": "telephony.trunk.status",
            "timestamp": ringdown::clock::Clock::System.now().to_string(),
            "trunk": {"id": id, "name": format!("Trunk {id}")}, "status": status,
        });
        self.world.accept(&event).await;
    }

    /// Every ticket, oldest first.
    pub(crate) fn tickets(&self, at: At) -> Vec<Ticket> {
        let simulator = &self.world.simulator;
        let (tickets, names) = match at {
            At::Salesforce => (
                simulator.salesforce().tickets(),
                [
                    "Id",
                    "CaseNumber",
                    "Subject",
                    "Description",
                    "ParentId",
                    "CommentList",
                ],
            ),
            At::ServiceNow => (
                simulator.servicenow().tickets(),
                [
                    "sys_id",
                    "number",
                    "short_description",
                    "description",
                    "parent_incident",
                    "work_notes_list",
                ],
            ),
        };
        let ticket = |ticket: &Value| {
            let text = |name: &str| ticket[name].as_str().unwrap_or_default().to_owned();
            let comments = ticket[names[5]].as_array().into_iter().flatten();
            Ticket {
                id: text(names[0]),
                number: text(names[1]),
                title: text(names[2]),
                text: text(names[3]),
                parent: text(names[4]),
                closed: ticket["IsClosed"] == true
                    || ticket["state"] == "6"
                    || ticket["state"] == "7",
                comments: comments
                    .filter_map(|one| one.as_str().map(str::to_owned))
                    .collect(),
            }
        };
        tickets.iter().map(ticket).collect()
    }

    /// Waits until so many tickets are there, and answers them.
    pub(crate) async fn until_tickets(&self, at: At, count: usize) -> Vec<Ticket> {
        let what = format!("there are {count} tickets in {}", at.name());
        self.world
            .until(&what, async || self.tickets(at).len() >= count)
            .await;
        self.tickets(at)
    }

    /// The outages' tickets, oldest first.
    pub(crate) fn outages(&self, at: At) -> Vec<Ticket> {
        let all = self.tickets(at).into_iter();
        all.filter(Ticket::is_outage).collect()
    }

    pub(crate) async fn until_outages(&self, at: At, count: usize) -> Vec<Ticket> {
        let what = format!("there are {count} outages in {}", at.name());
        self.world
            .until(&what, async || self.outages(at).len() >= count)
            .await;
        self.outages(at)
    }

    pub(crate) fn close(&self, at: At, id: &str) {
        assert!(match at {
            At::Salesforce => self.world.simulator.salesforce().close_ticket(id),
            At::ServiceNow => self.world.simulator.servicenow().close_ticket(id),
        });
    }

    /// Waits until every incident is closed and every ticket of `at` is.
    pub(crate) async fn until_all_is_over(&self, at: At) {
        self.world
            .until("every ticket is closed", async || {
                self.tickets(at).iter().all(|one| one.closed)
            })
            .await;
        self.world
            .until("every incident is closed", async || {
                let open = ["pending", "open", "recovered"];
                let mut left = 0;
                for state in open {
                    let path = format!("incidents?state={state}&limit=500");
                    left += self.world.items(&path).await.len();
                }
                left == 0
            })
            .await;
        assert!(self.world.items("dead-letters").await.is_empty());
    }

    /// The newest incident with this key, with its story.
    pub(crate) async fn incident(&self, key: &str) -> Value {
        let items = self.world.items(&format!("incidents?key={key}")).await;
        let id = items[0]["id"].as_str().unwrap();
        self.world.api(&format!("incidents/{id}")).await
    }
}
