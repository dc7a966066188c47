//! What of the simulated Salesforce can be chosen: credentials, the organisation's set-up, and
//! which of the documented or undecided behaviours it shows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::table::Record;

/// The organisation's set-up. As JSON (`/_sim/switches`) the names are the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// The PEM of the RSA public key that JWT assertions must be signed with. While there is none
    /// the signature is not looked at.
    pub jwt_public_key_pem: Option<String>,
    /// Audiences a JWT assertion may name, besides this server's own address.
    pub jwt_audiences: Vec<String>,
    /// Whether the client credentials flow has a user to run as.
    pub run_as_user: bool,
    /// Whether this is a `login` or `test` host, which knows no client credentials flow.
    pub login_host: bool,
    /// Whether each refresh gives a new refresh token and kills the one used.
    pub rotate_refresh_token: bool,
    /// Whether token answers leave out what a client must not need (`issued_at`, `signature`).
    pub minimal_token_answer: bool,
    /// Logins allowed in an hour.
    pub logins_per_hour: usize,
    /// How long a session lives, in seconds.
    pub session_seconds: i64,
    /// Whether `instance_url` names another host than the one that gave the token (the same
    /// port of `localhost`), and data calls to the token's host fail.
    pub separate_instance_host: bool,
    /// Requests allowed in 24 hours.
    pub daily_requests: u64,
    /// Whether external id fields refuse a second record with the same value.
    pub external_id_unique: bool,
    /// What the loser of two simultaneous upserts with one new key hears. An upsert of a key
    /// that came into being less than two seconds ago counts as simultaneous.
    pub race_loser: RaceLoser,
    /// Names of fields of Case and Incident that are external ids.
    pub external_id_fields: Vec<String>,
    /// Characters that an external id field holds.
    pub external_id_length: usize,
    /// Custom fields of Case and Incident, besides the external ids, `Source__c`,
    /// `Queue__c`, `Site__c` and `Ringdown_Url__c`.
    pub custom_fields: Vec<CustomField>,
    /// Fields the integration user may not see.
    pub hidden_fields: Vec<String>,
    /// Fields the integration user may see and not write.
    pub read_only_fields: Vec<String>,
    /// Fields that must not be blank on a ticket.
    pub required_fields: Vec<String>,
    /// Whether the user may create and edit tickets.
    pub may_write: bool,
    /// Tickets that the user cannot read, by query or by id.
    pub unreadable_tickets: UnreadableTickets,
    /// Whether the session may use the REST API: if not, a 401 that no fresh token mends.
    pub rest_allowed: bool,
    /// Whether picklists refuse values they do not list.
    pub restricted_picklists: bool,
    /// Case's states; the first is the default.
    pub case_statuses: Vec<CaseStatus>,
    /// Validation rules on tickets.
    pub validation_rules: Vec<ValidationRule>,
    /// The duplicate rule on tickets of the same subject.
    pub duplicate_rule: DuplicateRule,
    /// Whether an assignment rule takes each Case written without `Sforce-Auto-Assign: FALSE`.
    pub assignment_rule: bool,
    /// Whether Incident is licensed.
    pub incident_object: bool,
    /// Whether values with a dot are taken for a file name: 404 in upserts.
    pub dotted_values_missing: bool,
    /// How error bodies look.
    pub error_shape: ErrorShape,
    /// Seconds by which the `Date` header is off.
    pub clock_offset: i64,
    /// Rows on a page of a query's answer.
    pub query_page: usize,
    /// What is sent to the outside when a ticket is saved, by whomever.
    pub push: Option<PushSwitch>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            jwt_public_key_pem: None,
            jwt_audiences: vec![
                "https://login.salesforce.com".to_owned(),
                "https://test.salesforce.com".to_owned(),
            ],
            run_as_user: true,
            login_host: false,
            rotate_refresh_token: true,
            minimal_token_answer: false,
            logins_per_hour: 3600,
            session_seconds: 7200,
            separate_instance_host: false,
            daily_requests: 1_000_000,
            external_id_unique: true,
            race_loser: RaceLoser::Updated,
            external_id_fields: vec!["Ringdown_Id__c".to_owned()],
            external_id_length: 255,
            custom_fields: Vec::new(),
            hidden_fields: Vec::new(),
            read_only_fields: Vec::new(),
            required_fields: Vec::new(),
            may_write: true,
            unreadable_tickets: UnreadableTickets::None,
            rest_allowed: true,
            restricted_picklists: false,
            case_statuses: CaseStatus::stock(),
            validation_rules: Vec::new(),
            duplicate_rule: DuplicateRule::Off,
            assignment_rule: false,
            incident_object: true,
            dotted_values_missing: false,
            error_shape: ErrorShape::Array,
            clock_offset: 0,
            query_page: 2000,
            push: None,
        }
    }
}

impl Switches {
    /// Sets what `given` names and leaves the rest.
    pub(super) fn set(&mut self, given: &Value) -> Result<(), String> {
        let given = given.as_object().ok_or("expected an object of switches")?;
        let mut all = serde_json::to_value(&*self).map_err(|error| error.to_string())?;
        for (name, value) in given {
            *all.get_mut(name)
                .ok_or_else(|| format!("there is no switch `{name}`"))? = value.clone();
        }
        *self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// A state of Case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseStatus {
    /// The value and its label.
    pub name: String,
    /// Whether a Case in it counts as closed.
    pub closed: bool,
}

impl CaseStatus {
    /// A state.
    pub fn new(name: impl Into<String>, closed: bool) -> Self {
        Self {
            name: name.into(),
            closed,
        }
    }

    fn stock() -> Vec<Self> {
        vec![
            Self::new("New", false),
            Self::new("Working", false),
            Self::new("Escalated", false),
            Self::new("Closed", true),
        ]
    }
}

/// A custom text field of Case and Incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomField {
    /// The API name, with `__c`.
    pub name: String,
    /// Characters it holds.
    pub length: usize,
}

/// What the loser of two simultaneous upserts with one new key hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RaceLoser {
    /// `DUPLICATE_VALUE`.
    DuplicateValue,
    /// `UNABLE_TO_LOCK_ROW`.
    LockRow,
    /// 200, as for any later upsert.
    Updated,
}

/// Tickets that the user cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadableTickets {
    /// None of them.
    None,
    /// The closed ones: the organisation shares nothing, and closing hands a ticket over.
    Closed,
    /// Each: reads lag behind writes.
    All,
}

impl UnreadableTickets {
    /// Whether the ticket `row` is one.
    pub(super) fn contain(self, row: &Record) -> bool {
        let is_ticket = row.contains_key("IsClosed");
        match self {
            Self::None => false,
            Self::Closed => row.get("IsClosed") == Some(&Value::Bool(true)),
            Self::All => is_ticket,
        }
    }
}

/// A rule of the administrator's that refuses a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    /// The field it looks at and blames.
    pub field: String,
    /// When it refuses.
    pub refuse_when: RuleCondition,
    /// The administrator's text.
    pub message: String,
}

/// When a [`ValidationRule`] refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleCondition {
    /// The field is empty.
    Blank,
    /// The field has this value.
    Equals(String),
    /// The field's text contains this.
    Contains(String),
}

/// A duplicate rule that compares subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateRule {
    /// There is none.
    Off,
    /// It can be overruled by the request's header.
    Alert,
    /// It cannot be overruled.
    Block,
}

/// How error bodies look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// An array of objects, the usual way.
    Array,
    /// A bare object, as some of the documentation prints.
    Object,
    /// A gateway's page.
    Html,
    /// Nothing.
    Empty,
}

/// The switch `push`: where messages go, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSwitch {
    /// The address; for an Outbound Message with its `access_token`.
    pub url: String,
    /// Which kind of message.
    pub kind: PushKind,
    /// The token of the named credential; a Flow's only.
    #[serde(default)]
    pub bearer: String,
    /// Milliseconds until a message that was not taken is sent again.
    #[serde(default = "soon")]
    pub again_ms: u64,
}

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushKind {
    /// SOAP, repeated until it is acknowledged.
    OutboundMessage,
    /// JSON, repeated until a 2xx.
    Flow,
}

fn soon() -> u64 {
    30_000
}
