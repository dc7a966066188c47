//! A daemon with one open incident in either CRM, and the people who work on its ticket there.

use std::process::Command;
use std::time::Duration;

use ringdown::domain::time::Timestamp;
use ringdown::simulator;
use serde_json::{Value, json};

use crate::support::crm::{At, servicenow};
use crate::support::postgres::store_on_postgres;
use crate::support::world::{ADMIN_TOKEN, World, event};

/// What callbacks prove themselves with.
pub(crate) const CALLBACK_TOKEN: &str = "callback-s3cret-token";
/// A poll so slow that no test waits for it.
pub(crate) const NEVER: &str = "1h";
/// A poll that a test can wait for.
pub(crate) const OFTEN: &str = "200ms";

/// The world, its CRM and the first ticket in it.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) at: At,
    pub(crate) ticket: String,
    /// Milliseconds by which Genesys's clock is ahead of the CRM's.
    genesys_ahead: i64,
}

impl Desk {
    fn configuration(at: At, world: &World, poll_every: &str, more: &str, sync: &str) -> String {
        let name = at.name();
        let servicenow = match at {
            At::Salesforce => String::new(),
            At::ServiceNow => format!(
                r#"
{}
[targets.servicenow.create]
short_description = "Telephony Incident: {{{{ queue_name }}}} Critical Wait Time"
urgency = "2"
impact = "2"
"#,
                servicenow(&world.simulator)
            ),
        };
        format!(
            r#"
[rules.queue-wait]
targets = ["{name}"]
{more}
{servicenow}
[targets.{name}.sync]
poll_every = "{poll_every}"
{sync}
[targets.{name}.callback]
auth = [{{ type = "bearer", secret = "{CALLBACK_TOKEN}" }}]
"#
        )
    }
}

impl Desk {
    /// A daemon that polls so often, with one ticket delivered.
    pub(crate) async fn open(at: At, poll_every: &str) -> Self {
        Self::with(at, poll_every, "").await
    }

    /// The same with `more` settings of the rule.
    pub(crate) async fn with(at: At, poll_every: &str, more: &str) -> Self {
        Self::with_layer(at, poll_every, more, "").await
    }

    /// The same with clocks that are so many milliseconds ahead of the CRM's: the daemon's,
    /// which must have been built to look there, and Genesys's.
    #[cfg(feature = "fault-points")]
    pub(crate) async fn with_clocks(at: At, poll_every: &str, clocks: (i64, i64)) -> Self {
        Self::begin(at, poll_every, ("", ""), clocks).await
    }

    async fn with_layer(at: At, poll_every: &str, more: &str, sync: &str) -> Self {
        Self::begin(at, poll_every, (more, sync), (0, 0)).await
    }

    async fn begin(
        at: At,
        poll_every: &str,
        (more, sync): (&str, &str),
        (ours_ahead, genesys_ahead): (i64, i64),
    ) -> Self {
        let mut world = World::unstarted("").await;
        if ours_ahead != 0 {
            std::fs::write(world.clock_offset_file(), ours_ahead.to_string()).unwrap();
        }
        let text =
            Self::configuration(at, &world, poll_every, more, sync) + &store_on_postgres().await;
        std::fs::write(world.folder.path().join("more.toml"), text).unwrap();
        world.start().await;
        // The first poll comes at once; what a test finds later came another way.
        let polled = format!(r#"ringdown_sync_calls_total{{target="{}""#, at.name());
        world
            .until("the first poll is over", async || {
                world.metrics().await.contains(&polled)
            })
            .await;
        let mut desk = Self {
            world,
            at,
            ticket: String::new(),
            genesys_ahead,
        };
        desk.breach("evt-1").await;
        desk.world.all_delivered().await;
        desk.ticket = desk.id_of(&desk.tickets()[0]);
        desk
    }

    /// The same, and a closed ticket leaves its incident alone.
    pub(crate) async fn ignoring(at: At, poll_every: &str) -> Self {
        Self::with_layer(at, poll_every, "", "on_ticket_closed = \"ignore\"").await
    }

    /// Sets switches of the CRM.
    pub(crate) fn switch(&self, switches: &Value) {
        match self.at {
            At::Salesforce => self.world.simulator.salesforce().switch(switches),
            At::ServiceNow => self.world.simulator.servicenow().switch(switches),
        }
        .unwrap();
    }

    /// One more breach of the same queue.
    pub(crate) async fn breach(&self, event_id: &str) {
        self.reading(event_id, 400.0).await;
    }

    /// A reading of the same queue.
    pub(crate) async fn reading(&self, event_id: &str, average: f64) {
        let mut event = event(event_id, "q1", average);
        let at: Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
        let stamped = Timestamp::from_millis(at.as_millis() + self.genesys_ahead);
        event["timestamp"] = stamped.to_string().into();
        self.world.accept(&event).await;
    }

    /// Every ticket in the CRM, oldest first.
    pub(crate) fn tickets(&self) -> Vec<Value> {
        match self.at {
            At::Salesforce => self.world.simulator.salesforce().tickets(),
            At::ServiceNow => self.world.simulator.servicenow().tickets(),
        }
    }

    pub(crate) fn id_of(&self, ticket: &Value) -> String {
        let field = match self.at {
            At::Salesforce => "Id",
            At::ServiceNow => "sys_id",
        };
        ticket[field].as_str().unwrap().to_owned()
    }

    pub(crate) fn close(&self) {
        assert!(match self.at {
            At::Salesforce => self.world.simulator.salesforce().close_ticket(&self.ticket),
            At::ServiceNow => self.world.simulator.servicenow().close_ticket(&self.ticket),
        });
    }

    /// People close every ticket there is.
    pub(crate) fn close_all(&self) {
        for ticket in self.tickets() {
            let id = self.id_of(&ticket);
            assert!(match self.at {
                At::Salesforce => self.world.simulator.salesforce().close_ticket(&id),
                At::ServiceNow => self.world.simulator.servicenow().close_ticket(&id),
            });
        }
    }

    /// How often the CRM was asked for tickets, by query or by id.
    pub(crate) fn reads(&self) -> usize {
        let requests = match self.at {
            At::Salesforce => self.world.simulator.salesforce().requests(),
            At::ServiceNow => self.world.simulator.servicenow().requests(),
        };
        requests.iter().filter(|one| one.method == "GET").count()
    }

    pub(crate) fn delete(&self) {
        assert!(match self.at {
            At::Salesforce => self
                .world
                .simulator
                .salesforce()
                .delete_ticket(&self.ticket),
            At::ServiceNow => self
                .world
                .simulator
                .servicenow()
                .delete_ticket(&self.ticket),
        });
    }

    pub(crate) fn edit(&self, fields: &Value) {
        assert!(match self.at {
            At::Salesforce => self
                .world
                .simulator
                .salesforce()
                .edit_ticket(&self.ticket, fields),
            At::ServiceNow => self
                .world
                .simulator
                .servicenow()
                .edit_ticket(&self.ticket, fields),
        });
    }

    /// Lets the CRM send its messages to the daemon.
    pub(crate) fn push(&self, kind: &str) {
        let url = format!("{}/callbacks/{}", self.world.public, self.at.name());
        match self.at {
            At::Salesforce if kind == "outbound_message" => {
                let url = format!("{url}?access_token={CALLBACK_TOKEN}");
                let push = json!({"push": {"kind": kind, "url": url, "again_ms": 100}});
                self.world.simulator.salesforce().switch(&push).unwrap();
            }
            At::Salesforce => {
                let push = json!({"push":
                    {"kind": kind, "url": url, "bearer": CALLBACK_TOKEN, "again_ms": 100}});
                self.world.simulator.salesforce().switch(&push).unwrap();
            }
            At::ServiceNow => {
                let push = json!({"push": {"url": url, "bearer": CALLBACK_TOKEN}});
                self.world.simulator.servicenow().switch(&push).unwrap();
            }
        }
    }

    /// The first incident, whole.
    pub(crate) async fn incident(&self) -> Value {
        let items = self.world.items("incidents").await;
        let id = items.last().unwrap()["id"].as_str().unwrap().to_owned();
        self.world.api(&format!("incidents/{id}")).await
    }

    /// What `ringdown incidents show` prints of an incident.
    pub(crate) fn shown_by_the_command_line(&self, id: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringdown"));
        command.args(["incidents", "show", id]);
        command.args(["--url", &self.world.admin, "--token", ADMIN_TOKEN]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The first incident, once it is closed.
    pub(crate) async fn closed(&self) -> Value {
        self.world
            .until("the incident is closed", async || {
                self.incident().await["state"] == "closed"
            })
            .await;
        self.incident().await
    }

    /// Whether the first incident is closed within `span`.
    pub(crate) async fn closes_within(&self, span: Duration) -> bool {
        tokio::time::timeout(span, self.closed()).await.is_ok()
    }

    /// The id of a person in ServiceNow.
    pub(crate) async fn agent(&self) -> String {
        let url = format!(
            "{}/api/now/table/sys_user?sysparm_query=user_name=agent",
            self.world.simulator.servicenow().base_url()
        );
        let call = self.world.client.get(url);
        let call = call.basic_auth(simulator::USERNAME, Some(simulator::PASSWORD));
        let rows: Value = call.send().await.unwrap().json().await.unwrap();
        rows["result"][0]["sys_id"].as_str().unwrap().to_owned()
    }

    /// Waits until the ticket has been seen in the CRM.
    pub(crate) async fn seen(&self) {
        self.world
            .until("the ticket was seen", async || {
                self.incident().await["ticket"]["priority"] != Value::Null
            })
            .await;
    }
}

/// The history as text, one line an entry.
pub(crate) fn story(incident: &Value) -> String {
    let entries = incident["history"].as_array().unwrap();
    let line = |entry: &Value| format!("{}: {}\n", entry["what"], entry["cause"]);
    entries.iter().map(line).collect()
}
