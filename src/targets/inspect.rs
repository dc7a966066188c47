//! A CRM's own description: the object, its fields, and our user's rights.
//!
//! Plain data and two traits, for a pre-flight that writes nothing. Knows no CRM.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;

use crate::domain::failure::Failure;

/// A CRM that can be asked about itself.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Obtains a credential, or shows why none is given. A static one is not tried here.
    async fn log_in(&self) -> Result<(), Failure>;

    /// Shows that the API answers in its configured version; the versions that it offers.
    async fn api(&self) -> Result<ApiVersions, Failure>;

    /// Whether several requests may be sent in one call; tried with requests that change nothing. `None`
    /// where the client sends none so.
    async fn several_at_once(&self) -> Option<Result<(), Failure>> {
        None
    }

    /// The object or table in which tickets are opened.
    async fn metadata(&self) -> Result<Metadata, Failure>;

    /// Whether `text`, which every ticket has in `field`, stands for a record.
    async fn reference(&self, field: &FieldInfo, text: &str) -> Result<Reference, Failure>;

    /// What the ticket `id` holds in `fields`, by field; a field without a value is left out.
    async fn stored(
        &self,
        id: &str,
        fields: &[String],
    ) -> Result<BTreeMap<String, String>, Failure>;
}

/// What a text in a field stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// Which record.
    Found(String),
    /// A record that is not in use any more, and why.
    Inactive(String),
    /// No record that a ticket can refer to, and why.
    Missing(String),
    /// What our user would have to read to know.
    Unreadable(String),
    /// The field refers to no record, or to one of a kind that is not looked up.
    NotLookedUp,
}

/// The version in use, and those there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiVersions {
    pub used: String,
    /// Versions on offer; empty where the CRM does not list any.
    pub offered: Vec<String>,
}

/// An object or table, as our user sees it.
#[derive(Debug, Default)]
pub struct Metadata {
    pub object: String,
    /// Whether our user may open tickets.
    pub createable: Permission,
    /// Whether our user may change tickets.
    pub updateable: Permission,
    /// Its fields; `None` where our user may not read their description.
    pub fields: Option<Vec<FieldInfo>>,
    /// Whether the list of fields is known to be complete: then a field that is not in it does
    /// not exist, or is hidden from our user.
    pub complete: bool,
    /// Whether the CRM takes record ids that we choose, so that a second ticket for one key
    /// is refused even though the key's field is not unique; `None` where it does not say.
    pub chosen_ids: Option<bool>,
    /// Whether a missing value in a required field makes the CRM refuse the ticket.
    pub enforces_required: bool,
    /// Fields that rules of the CRM require; `None` where the rules cannot be read, though there
    /// may be some.
    pub rule_requirements: Option<Vec<RuleRequirement>>,
    pub sources: MetadataSources,
}

/// What the CRM calls the places that its metadata is read from, for messages to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetadataSources {
    /// What must be readable to know any field.
    pub fields: &'static str,
    /// What must be readable to know every field.
    pub all_fields: &'static str,
    /// What must be readable to know whether record ids may be chosen.
    pub chosen_ids: &'static str,
    /// The setting that forbids chosen record ids when it is true.
    pub chosen_ids_setting: &'static str,
    /// What the rules are called that require fields, in the plural.
    pub rules: &'static str,
}

/// Whether our user may do something with the records of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Permission {
    Granted,
    /// Holds why.
    Denied(String),
    /// Hardly granted, and why: the CRM's own rules cannot be read.
    Doubtful(String),
    /// Only a test ticket can show it.
    #[default]
    Unknown,
}

/// A rule of the CRM that refuses a record without a value in `field`.
#[derive(Debug)]
pub struct RuleRequirement {
    /// What people call the rule, with its kind: `data policy "Check caller"`.
    pub rule: String,
    pub field: String,
    /// The records that it counts for.
    pub when: Box<dyn Condition>,
}

/// What a field can hold: each value it can have; `None` where anything is possible.
pub(crate) type PossibleValues = Option<Vec<String>>;

/// For which records a rule counts, in the CRM's own language.
pub trait Condition: Debug + Send + Sync {
    /// The condition as the CRM writes it; empty when it holds for every record.
    fn source(&self) -> &str;

    /// Whether it holds for a record whose fields can hold `possible`; `None` when that depends
    /// on what is not known.
    fn holds(&self, possible: &dyn Fn(&str) -> PossibleValues) -> Option<bool>;
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldInfo {
    pub name: String,
    /// The CRM's name for the type of its values.
    pub kind: String,
    /// Characters it holds; `None` when that does not apply.
    pub length: Option<usize>,
    /// Whether it can be set when a ticket is opened.
    pub createable: bool,
    /// Whether it can be set on an open ticket.
    pub updateable: bool,
    /// What it holds when nobody sets it.
    pub default: FieldDefault,
    /// Whether a ticket needs a value that nobody else sets.
    pub required: bool,
    /// Whether two tickets cannot have the same value; `None` where our user may not know.
    pub unique: Option<bool>,
    /// Whether tickets can be found by it; `None` where the CRM knows no such thing.
    pub external_id: Option<bool>,
    /// The values it may have, when they are listed.
    pub values: Option<Values>,
}

/// What a field holds when nobody sets it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldDefault {
    #[default]
    Nothing,
    Value(String),
    /// The CRM computes it.
    Computed,
}

/// The field `name`, whose case does not count.
pub(crate) fn field_named<'a>(fields: &'a [FieldInfo], name: &str) -> Option<&'a FieldInfo> {
    fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))
}

/// The values of a picklist or choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// Those in use.
    pub active: Vec<String>,
    pub unlisted: UnlistedValues,
}

/// What the CRM does with a value that is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnlistedValues {
    /// It refuses the ticket.
    Refused,
    /// It drops the value without an error.
    Dropped,
    /// It stores the value, which means nothing to it.
    #[default]
    Stored,
}
