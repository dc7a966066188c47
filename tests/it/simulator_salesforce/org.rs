//! A simulated organisation, and the requests that these tests send it.

use reqwest::{Client, Method, RequestBuilder, Response};
use ringdown::simulator::salesforce::Switches;
use ringdown::simulator::{
    self, CLIENT_ID, CLIENT_SECRET, Fault, FaultKind, Host, Salesforce, Simulator,
    SimulatorSettings, Trigger,
};
use serde_json::{Value, json};

pub(crate) const BASE: &str = "/services/data/v64.0";
pub(crate) const KEYED: &str = "/sobjects/Case/Ringdown_Id__c";

pub(crate) struct Org {
    simulator: Simulator,
    pub(crate) http: Client,
    token: String,
}

impl Org {
    /// An organisation, logged in to.
    pub(crate) async fn start() -> Self {
        let simulator = simulator::start(SimulatorSettings::default())
            .await
            .unwrap();
        let mut org = Self {
            simulator,
            http: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            token: String::new(),
        };
        org.log_in().await;
        org
    }

    /// An organisation with other switches.
    pub(crate) async fn with(change: impl FnOnce(&mut Switches)) -> Self {
        let org = Self::start().await;
        org.configure(change);
        org
    }

    pub(crate) fn configure(&self, change: impl FnOnce(&mut Switches)) {
        self.host().crm().configure(change);
    }

    pub(crate) fn host(&self) -> &Host<Salesforce> {
        self.simulator.salesforce()
    }

    pub(crate) fn fault(&self, kind: FaultKind) {
        let fault = Fault::new(kind, Trigger::Next { count: 1 });
        self.host().add_fault(fault);
    }

    pub(crate) async fn log_in(&mut self) {
        let (_, body) = self.token(&[("grant_type", "client_credentials")]).await;
        self.token = body["access_token"].as_str().unwrap().to_owned();
    }

    /// Asks for a token with the right client id and secret.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let client = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let form: Vec<_> = client.iter().chain(form).collect();
        let address = format!("{}/services/oauth2/token", self.host().base_url());
        read(self.http.post(address).form(&form).send().await.unwrap()).await
    }

    /// A request to a whole path, logged in.
    pub(crate) fn at(&self, method: Method, path: &str) -> RequestBuilder {
        let address = format!("{}{path}", self.host().base_url());
        self.http.request(method, address).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.at(Method::GET, &format!("{BASE}{path}"));
        read(request.send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, &format!("{BASE}{path}"), body)
            .await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::PATCH, &format!("{BASE}{path}"), body)
            .await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.at(method, path).json(&body);
        read(request.send().await.unwrap()).await
    }

    /// Upserts a Case by its key.
    pub(crate) async fn upsert(&self, key: &str, body: Value) -> (u16, Value) {
        self.patch(&format!("{KEYED}/{key}"), body).await
    }

    /// Makes a Case and answers its id.
    pub(crate) async fn case(&self, fields: Value) -> String {
        let (status, body) = self.post("/sobjects/Case", fields).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn query(&self, soql: &str) -> (u16, Value) {
        let request = self.at(Method::GET, &format!("{BASE}/query"));
        read(request.query(&[("q", soql)]).send().await.unwrap()).await
    }

    /// The subjects that a query's records have.
    pub(crate) async fn subjects(&self, condition: &str) -> Vec<String> {
        let (status, body) = self
            .query(&format!("SELECT Subject FROM Case {condition}"))
            .await;
        assert_eq!(status, 200, "{body}");
        let records = body["records"].as_array().unwrap().iter();
        records
            .map(|record| record["Subject"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The first error's code, and the first field it names.
pub(crate) fn code(body: &Value) -> (&str, &str) {
    (
        body[0]["errorCode"].as_str().unwrap_or_default(),
        body[0]["fields"][0].as_str().unwrap_or_default(),
    )
}

pub(crate) fn subject(text: &str) -> Value {
    json!({ "Subject": text })
}
