//! What a CRM says about itself: the object, its fields, and what our user may do with them.
//!
//! Plain data and one trait, for a pre-flight that writes nothing. May import: `domain`.
//! Must not know: what is done with the answers.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Crm;
use super::condition::Condition;
use crate::domain::failure::Failure;

/// A CRM that can be asked about itself.
#[async_trait]
pub trait Inspect: Crm {
    /// Obtains a credential, or shows why none is given. A static one is not tried here.
    async fn log_in(&self) -> Result<(), Failure>;

    /// Shows that the API in its configured version answers; what it says about versions.
    async fn api(&self) -> Result<Api, Failure>;

    /// The object or table in which tickets are opened.
    async fn metadata(&self) -> Result<Metadata, Failure>;

    /// What the ticket `id` holds in `fields`, by field; a field without a value is left out.
    async fn stored(
        &self,
        id: &str,
        fields: &[String],
    ) -> Result<BTreeMap<String, String>, Failure>;
}

/// The version in use, and those there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Api {
    pub used: String,
    /// Versions on offer; empty where the CRM does not list any.
    pub offered: Vec<String>,
}

/// An object or table, as our user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    pub object: String,
    /// Whether our user may open tickets.
    pub createable: Right,
    /// Whether our user may change tickets.
    pub updateable: Right,
    /// Its fields; `None` where our user may not read their description.
    pub fields: Option<Vec<FieldInfo>>,
    /// Whether the list of fields is known to be whole: then a field that is not in it does
    /// not exist, or is hidden from our user.
    pub complete: bool,
    /// Whether the CRM takes record ids that we choose, so that a second ticket for one key
    /// is refused even though the key's field is not unique; `None` where it does not say.
    pub chosen_ids: Option<bool>,
    /// Whether a missing value in a required field makes the CRM refuse the ticket.
    pub requires: bool,
    /// What rules of the CRM want beyond what its fields require; `None` where they cannot be
    /// read, though there may be some.
    pub demands: Option<Vec<Demand>>,
}

/// Whether our user may do something with the records of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Right {
    Given,
    Refused(String),
    /// Hardly, and why: the CRM's own rules cannot be read.
    Doubtful(String),
    /// Only trying tells.
    #[default]
    Unknown,
}

/// A rule of the CRM that refuses a record without a value in `field`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// What people call the rule.
    pub rule: String,
    pub field: String,
    pub when: Condition,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldInfo {
    pub name: String,
    /// The CRM's name for what it holds.
    pub kind: String,
    /// Characters it holds; `None` when that does not apply.
    pub length: Option<usize>,
    /// Whether it can be set when a ticket is opened.
    pub createable: bool,
    /// Whether it can be set on an open ticket.
    pub updateable: bool,
    /// What it holds when nobody sets it; empty for nothing.
    pub default: String,
    /// Whether a ticket needs a value that nobody else sets.
    pub required: bool,
    /// Whether two tickets cannot have the same value; `None` where our user may not know.
    pub unique: Option<bool>,
    /// Whether tickets can be found by it; `None` where the CRM knows no such thing.
    pub external_id: Option<bool>,
    /// The values it may have, when they are listed.
    pub values: Option<Values>,
}

/// The values of a picklist or choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// Those in use.
    pub active: Vec<String>,
    /// What becomes of another one.
    pub others: Others,
}

/// What becomes of a value that is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Others {
    Refused,
    /// The value is dropped without a word.
    Dropped,
    /// It is stored, and means nothing to the CRM.
    #[default]
    Stored,
}
