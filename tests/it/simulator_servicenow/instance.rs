//! A simulated instance, and the requests that these tests send it.

use reqwest::{Client, RequestBuilder, Response};
use ringdown::simulator::{
    self, CLIENT_ID, CLIENT_SECRET, Fault, FaultKind, Host, PASSWORD, ServiceNow, Simulator,
    SimulatorSettings, Trigger, USERNAME,
};
use serde_json::{Value, json};

pub(crate) const CHOSEN: &str = "c537bae64f411200adf9f8e18110c76e";
pub(crate) const INCIDENT: &str = "/api/now/v2/table/incident";

pub(crate) struct Instance {
    simulator: Simulator,
    pub(crate) http: Client,
}

impl Instance {
    pub(crate) async fn start() -> Self {
        Self {
            simulator: simulator::start(SimulatorSettings::default())
                .await
                .unwrap(),
            http: Client::new(),
        }
    }

    /// An instance with these switches set.
    pub(crate) async fn with(switches: Value) -> Self {
        let instance = Self::start().await;
        instance.switch(switches).await;
        instance
    }

    pub(crate) fn host(&self) -> &Host<ServiceNow> {
        self.simulator.servicenow()
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.host().base_url())
    }

    pub(crate) async fn switch(&self, switches: Value) {
        let request = self.http.post(self.address("/_sim/switches"));
        assert_eq!(request.json(&switches).send().await.unwrap().status(), 204);
    }

    pub(crate) fn fault(&self, kind: FaultKind) {
        self.host()
            .add_fault(Fault::new(kind, Trigger::Next { count: 1 }));
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(self.address(path))
            .basic_auth(USERNAME, Some(PASSWORD))
    }

    pub(crate) async fn post(&self, body: Value) -> (u16, Value) {
        self.post_to(INCIDENT, body).await
    }

    pub(crate) async fn post_to(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(self.address(path)).json(&body);
        read(
            request
                .basic_auth(USERNAME, Some(PASSWORD))
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn patch(&self, id: &str, body: Value) -> (u16, Value) {
        let address = self.address(&format!("{INCIDENT}/{id}"));
        let request = self.http.patch(address).json(&body);
        read(
            request
                .basic_auth(USERNAME, Some(PASSWORD))
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn list(&self, query: &str) -> (u16, Value) {
        let request = self.get(INCIDENT).query(&[("sysparm_query", query)]);
        read(request.send().await.unwrap()).await
    }

    /// The short descriptions that a query answers.
    pub(crate) async fn subjects(&self, query: &str) -> Vec<String> {
        let (_, body) = self.list(query).await;
        let rows = body["result"].as_array().unwrap().iter();
        rows.map(|row| row["short_description"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let client = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let form: Vec<_> = client.iter().chain(form).collect();
        let request = self.http.post(self.address("/oauth_token.do")).form(&form);
        read(request.send().await.unwrap()).await
    }

    pub(crate) async fn status_with(&self, token: &str) -> u16 {
        let request = self.http.get(self.address(INCIDENT)).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub(crate) fn detail(body: &Value) -> &str {
    body["error"]["detail"].as_str().unwrap()
}

pub(crate) fn id_of(body: &Value) -> String {
    body["result"]["sys_id"].as_str().unwrap().to_owned()
}

pub(crate) fn resolution() -> Value {
    json!({"state": "6", "close_code": "Solution provided", "close_notes": "Recovered."})
}
