//! What one organisation holds.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::refusal::{Refusal, not_found};
use super::schema;
use super::sessions::Sessions;
use super::switches::Switches;
use super::table::Table;
use crate::message::Push;

/// Everything that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) switches: Switches,
    pub(super) sessions: Sessions,
    pub(super) tables: BTreeMap<&'static str, Table>,
    /// Last number given to a record.
    pub(super) counter: u64,
    /// Data calls so far.
    pub(super) used: u64,
    pub(super) cursors: HashMap<String, Cursor>,
    /// Messages to the outside that have become due.
    pub(super) due: Vec<Push>,
}

impl State {
    pub(super) fn new() -> Self {
        let table = |name, key| (name, Table::new("Id", key));
        Self {
            switches: Switches::default(),
            sessions: Sessions::default(),
            tables: BTreeMap::from([
                table("Case", "Ringdown_Id__c"),
                table("Incident", "Ringdown_Id__c"),
                table("CaseComment", "ParentId"),
                table("FeedItem", "ParentId"),
            ]),
            counter: 0,
            used: 0,
            cursors: HashMap::new(),
            due: Vec::new(),
        }
    }

    pub(super) fn object(&self, name: &str) -> Result<&'static str, Refusal> {
        schema::object(name, &self.switches).ok_or_else(not_found)
    }

    /// The table of an object that has rows of its own.
    pub(super) fn table(&self, object: &str) -> Result<&Table, Refusal> {
        self.tables.get(object).ok_or_else(not_found)
    }

    pub(super) fn table_mut(&mut self, object: &str) -> Result<&mut Table, Refusal> {
        self.tables.get_mut(object).ok_or_else(not_found)
    }

    pub(super) fn instance_url(&self, base_url: &str) -> String {
        match base_url.rsplit_once(':') {
            Some((_, port)) if self.switches.separate_instance_host => {
                format!("http://localhost:{port}")
            }
            _ => base_url.to_owned(),
        }
    }

    pub(super) fn usage(&self) -> String {
        format!("api-usage={}/{}", self.used, self.switches.daily_requests)
    }
}

/// What is left of a long answer.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) total: usize,
    pub(super) rest: Vec<Value>,
}
