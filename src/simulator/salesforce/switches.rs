//! What can be set about the simulated org.

use serde::Deserialize;
use serde_json::Value;

/// What can be set about the simulated org. Over HTTP: `POST /_sim/switches` with any of the
/// fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Names of fields that are external ids. Others in that place of a path are unknown.
    pub external_id_fields: Vec<String>,
    /// Whether external ids are unique. When not, upserts that run into several records
    /// answer 300.
    pub external_id_unique: bool,
    /// Whether a refresh answers a new refresh token and kills the old one.
    pub rotate_refresh_token: bool,
    /// Fields that a new Case must have.
    pub required_fields: Vec<String>,
    /// Fields that the user may not see.
    pub hidden_fields: Vec<String>,
    /// Whether picklists refuse unknown values.
    pub restricted_picklists: bool,
    /// Whether the user may create and edit tickets.
    pub may_write: bool,
    /// Whether the object Incident is there.
    pub incident_object: bool,
    /// A longest length for the external id field; longer keys are refused.
    pub external_id_length: usize,
    /// Seconds by which the `Date` header is off.
    pub clock_offset: i64,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            external_id_fields: vec!["Ringdown_Id__c".to_owned()],
            external_id_unique: true,
            rotate_refresh_token: true,
            required_fields: Vec::new(),
            hidden_fields: Vec::new(),
            restricted_picklists: false,
            may_write: true,
            incident_object: true,
            external_id_length: 255,
            clock_offset: 0,
        }
    }
}

impl Switches {
    /// Sets what `given` names and leaves the rest.
    pub(super) fn set(&mut self, given: &Value) -> Result<(), String> {
        let Some(given) = given.as_object() else {
            return Err("expected an object of switches".to_owned());
        };
        let mut all = serde_json::json!({
            "external_id_fields": self.external_id_fields,
            "external_id_unique": self.external_id_unique,
            "rotate_refresh_token": self.rotate_refresh_token,
            "required_fields": self.required_fields,
            "hidden_fields": self.hidden_fields,
            "restricted_picklists": self.restricted_picklists,
            "may_write": self.may_write,
            "incident_object": self.incident_object,
            "external_id_length": self.external_id_length,
            "clock_offset": self.clock_offset,
        });
        if let Some(all) = all.as_object_mut() {
            for (name, value) in given {
                all.insert(name.clone(), value.clone());
            }
        }
        *self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        Ok(())
    }
}
