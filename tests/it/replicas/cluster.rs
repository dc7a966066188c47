//! Some replicas on one database, beside a simulated CRM, and what must hold at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ringdown::simulator::{self, Simulator, SimulatorSettings};
use serde_json::Value;

use crate::replicas::database::{self, Database};
use crate::replicas::replica::{ADMIN_TOKEN, Replica, clock_offset_file};
use crate::support::world::set_clock_off_by;

/// Longest wait for something that must happen, where nothing says how soon.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// Deliveries that one replica may send at once.
pub(crate) const CONCURRENT: i64 = 4;

pub(crate) const CLIENT_CREDENTIALS: &str = "flow = \"client_credentials\"\n";
pub(crate) const REFRESH_TOKEN: &str =
    "flow = \"refresh_token\"\nrefresh_token = { env = \"CRM_REFRESH_TOKEN\" }\n";

pub(crate) struct Cluster {
    pub(crate) simulator: Simulator,
    pub(crate) database: Database,
    pub(crate) client: reqwest::Client,
    pub(crate) replicas: Vec<Replica>,
    folder: tempfile::TempDir,
}

pub(crate) fn configuration(salesforce: &str, login: &str) -> String {
    format!(
        r#"
[admin.tokens.ops]
role = "operator"
secret = {{ env = "ADMIN_TOKEN" }}
[sources.genesys]
format = "genesys"
auth = [{{ type = "bearer", secret = {{ env = "WEBHOOK_TOKEN" }} }}]
[rules.queue-wait]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
clear = "metrics[queue.waitTime].avg < 240"
clear_for = "0s"
key = "{{{{ queue_id or queue_name }}}}"
on_recovery = "resolve"
targets = ["salesforce"]
[targets.salesforce]
kind = "salesforce"
base_url = "{salesforce}"
external_id_field = "Ringdown_Id__c"
timeout = "5s"
[targets.salesforce.auth]
{login}client_id = "ringdown"
client_secret = {{ env = "CRM_SECRET" }}
[targets.salesforce.limit]
per_second = 100
concurrent = {CONCURRENT}
[targets.salesforce.create]
Subject = "Telephony Incident: {{{{ queue_name }}}} Critical Wait Time"
Status = "New"
Priority = "High"
[targets.salesforce.resolve]
Status = "Closed"
"#
    )
}

impl Cluster {
    /// So many replicas, all ready; `None` where no PostgreSQL was given.
    pub(crate) async fn of(count: usize) -> Option<Self> {
        Self::logging_in(count, CLIENT_CREDENTIALS).await
    }

    /// The same, with the target's login.
    pub(crate) async fn logging_in(count: usize, login: &str) -> Option<Self> {
        Self::configured(count, login, "").await
    }

    /// The same, with `more` settings laid over; `{servicenow}` in them is its address.
    pub(crate) async fn configured(count: usize, login: &str, more: &str) -> Option<Self> {
        let mut cluster = Self::unstarted(count, login, more).await?;
        cluster.begin().await;
        Some(cluster)
    }

    /// Starts all replicas, and waits until they are ready and one decides.
    pub(crate) async fn begin(&mut self) {
        for replica in &mut self.replicas {
            replica.start();
        }
        for number in 0..self.replicas.len() {
            self.ready(number).await;
        }
        self.new_decider("", PATIENCE).await;
    }

    /// The same, with nothing running yet and an empty database.
    pub(crate) async fn unstarted(count: usize, login: &str, more: &str) -> Option<Self> {
        let server = database::server()?;
        Some(Self::on(&server, count, login, more).await)
    }

    /// The same, on the PostgreSQL server at this address.
    pub(crate) async fn on(server: &str, count: usize, login: &str, more: &str) -> Self {
        let database = Database::create(server).await;
        let simulator = simulator::start(SimulatorSettings::default())
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let text = configuration(&simulator.salesforce().base_url(), login);
        std::fs::write(folder.path().join("ringdown.toml"), text).unwrap();
        let more = more.replace("{servicenow}", &simulator.servicenow().base_url());
        std::fs::write(folder.path().join("more.toml"), more).unwrap();
        let mut replicas = Vec::new();
        for number in 0..count {
            replicas.push(Replica::new(number, folder.path(), &database).await);
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(3))
            .build()
            .unwrap();
        Self {
            simulator,
            database,
            client,
            replicas,
            folder,
        }
    }

    /// Waits until the replica is ready.
    pub(crate) async fn ready(&self, number: usize) {
        let url = format!("{}/readyz", self.replicas[number].public);
        self.until(&format!("replica {number} is ready"), async || {
            let answer = self.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Waits until `holds`; a condition that never holds fails the test with the logs.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFnMut() -> bool) {
        self.within(PATIENCE, what, holds).await;
    }

    /// The same, no longer than `patience`.
    pub(crate) async fn within(
        &self,
        patience: Duration,
        what: &str,
        mut holds: impl AsyncFnMut() -> bool,
    ) {
        let begin = Instant::now();
        while !holds().await {
            assert!(
                begin.elapsed() < patience,
                "waited {patience:?} in vain until {what}; the logs:\n{}",
                self.logs()
            );
            tokio::time::sleep(LOOK).await;
        }
        eprintln!("{what}: {:?}", begin.elapsed());
    }

    fn logs(&self) -> String {
        let logs = self.replicas.iter().map(Replica::log);
        logs.collect::<Vec<_>>().join("\n-- next replica --\n")
    }

    /// The replica that calls itself `owner`.
    pub(crate) fn number_of(&self, owner: &str) -> usize {
        let own = format!("\"replica\":\"{owner}\"");
        let is = |replica: &Replica| replica.log().contains(&own);
        self.replicas.iter().position(is).unwrap()
    }

    /// The replica that decides now, and what it calls itself.
    pub(crate) async fn decider(&self) -> (usize, String) {
        let owner = self.database.decider().await.unwrap();
        (self.number_of(&owner), owner)
    }

    /// Waits until another replica than `former` decides; answers which.
    pub(crate) async fn new_decider(&self, former: &str, patience: Duration) -> usize {
        let mut owner = None;
        self.within(patience, "a replica decides", async || {
            owner = self.database.decider().await.filter(|own| own != former);
            owner.is_some()
        })
        .await;
        self.number_of(&owner.unwrap())
    }

    /// All items of a list of the admin API, from the first replica that answers.
    pub(crate) async fn items(&self, list: &str) -> Vec<Value> {
        for replica in self.replicas.iter().filter(|one| one.is_running()) {
            if let Some(items) = self.items_of(replica, list).await {
                return items;
            }
        }
        Vec::new()
    }

    async fn items_of(&self, replica: &Replica, list: &str) -> Option<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let more = if list.contains('?') { '&' } else { '?' };
            let url = format!("{}/api/v1/{list}{more}limit=500{cursor}", replica.admin);
            let asked = self.client.get(url).bearer_auth(ADMIN_TOKEN).send().await;
            let page: Value = asked.ok()?.json().await.ok()?;
            items.extend(page["items"].as_array()?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Some(items),
            }
        }
    }

    /// Waits until every event of `sent` (events by queue) is accounted for, and each queue
    /// has exactly one incident with exactly one ticket, which is in the CRM's own records.
    pub(crate) async fn all_is_well(&self, sent: &BTreeMap<String, u64>) {
        let decided = async || -> BTreeMap<String, u64> {
            let decisions = self.database.decisions().await.into_iter();
            decisions
                .map(|(queue, count, _)| (queue, count.unsigned_abs()))
                .collect()
        };
        self.until("every event is decided", async || decided().await == *sent)
            .await;
        let counting = self.database.decisions().await.into_iter();
        let counting: BTreeMap<String, u64> = counting
            .map(|(queue, _, count)| (queue, count.unsigned_abs()))
            .collect();
        // A replica may only just have its database back, and not answer at first.
        self.until("no decision was overwritten", async || {
            self.heard().await == counting
        })
        .await;
        self.until("everything is delivered", async || {
            self.is_delivered().await
        })
        .await;
        let incidents = self.items("incidents").await;
        assert_eq!(incidents.len(), sent.len(), "one incident for each queue");
        let tickets = self.simulator.salesforce().tickets();
        assert_eq!(tickets.len(), sent.len(), "one ticket for each queue");
        let of_incidents: BTreeSet<String> = incidents
            .iter()
            .map(|incident| text(&incident["ticket"]["id"]))
            .collect();
        let of_crm: BTreeSet<String> = tickets.iter().map(|ticket| text(&ticket["Id"])).collect();
        assert_eq!(of_incidents, of_crm);
        let (last, decided) = self.database.decided().await;
        assert_eq!(last, decided, "the journal is worked off");
    }

    pub(crate) async fn is_delivered(&self) -> bool {
        let deliveries = self.items("deliveries").await;
        !deliveries.is_empty() && deliveries.iter().all(|one| one["state"] == "done")
    }

    /// Replicas that start from now on log in like this.
    pub(crate) fn log_in_with(&self, login: &str) {
        let text = configuration(&self.simulator.salesforce().base_url(), login);
        std::fs::write(self.folder.path().join("ringdown.toml"), text).unwrap();
    }

    /// Sets the clocks of all replicas, which were built for that.
    pub(crate) fn set_clocks_off_by(&self, milliseconds: i64) {
        set_clock_off_by(&clock_offset_file(self.folder.path()), milliseconds);
    }

    /// How often each queue was heard of, in its incidents.
    async fn heard(&self) -> BTreeMap<String, u64> {
        let mut heard = BTreeMap::new();
        for incident in self.items("incidents").await {
            let occurrences = incident["occurrences"].as_u64().unwrap_or_default();
            *heard.entry(text(&incident["key"])).or_default() += occurrences;
        }
        heard
    }

    /// Ends everything, the database too.
    pub(crate) async fn end(mut self) {
        self.replicas.clear();
        self.database.remove().await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
