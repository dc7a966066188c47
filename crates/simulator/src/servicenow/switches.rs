//! What an administrator of the simulated instance has set: rights, properties and rules.
//!
//! Imports nothing of ours. Must not know how the rows are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What becomes of a `sys_id` in the body of an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SysIdMode {
    /// The record gets it: `glide.rest.table_api.admin_only_sys_fields` is false or absent.
    Honoured,
    /// The record gets another one.
    Ignored,
    /// The insert is refused.
    Forbidden,
}

/// What becomes of a condition on a field that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnknownQueryField {
    /// The condition is dropped and the rest of the query runs.
    Ignore,
    /// Nothing matches: `glide.invalid_query.returns_no_rows` is true.
    NoRows,
    /// The query is refused.
    Forbidden,
}

/// The switch `push`: where the business rule sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushSwitch {
    /// The address.
    pub(super) url: String,
    /// The token in its header.
    pub(super) bearer: String,
}

/// The switch `rate_limit`: what a rate limit rule says in the headers of every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitSwitch {
    /// Requests in an hour.
    pub(super) limit: u64,
    /// Requests that are left.
    pub(super) remaining: u64,
    /// When the hour ends, in seconds since 1970.
    pub(super) reset: i64,
}

/// Every switch. A body of `POST /_sim/switches` names those to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switches {
    /// Life of an access token, in seconds.
    pub(super) token_lifetime_seconds: u64,
    /// The password grant is on.
    pub(super) password_grant: bool,
    /// The client credentials grant is on and has its application user.
    pub(super) client_credentials_grant: bool,
    /// Basic authentication is let through.
    pub(super) basic_auth: bool,
    /// The user may use the Table API at all.
    pub(super) api_access: bool,
    /// The user may insert.
    pub(super) may_create: bool,
    /// The user may update.
    pub(super) may_write: bool,
    /// The user may delete.
    pub(super) may_delete: bool,
    /// The user has `itil_admin`: may set state 7 and write to closed records.
    pub(super) itil_admin: bool,
    /// The user may read `sys_journal_field`; otherwise it lists nothing.
    pub(super) may_read_journal: bool,
    /// An insert is committed and then answered 403, because the user may not read the row.
    pub(super) read_denied_after_create: bool,
    /// The user has lost its incident roles, so that it may neither insert nor update.
    pub(super) roles_lost: bool,
    /// Fields that the user may not write; they are dropped without a word.
    pub(super) unwritable_fields: Vec<String>,
    /// Fields that the user may not query by; a condition on one is treated as one on an
    /// unknown field.
    pub(super) unqueryable_fields: Vec<String>,
    /// What becomes of a chosen `sys_id`.
    pub(super) sys_id_mode: SysIdMode,
    /// Status of the answer to a second insert with one `sys_id`. No public source tells it.
    pub(super) duplicate_status: u16,
    /// `glide.rest.choice.allow_non_existing_value`.
    pub(super) allow_unknown_choices: bool,
    /// What becomes of a condition on an unknown field.
    pub(super) unknown_query_field: UnknownQueryField,
    /// The data policies on resolving and on holding are in force.
    pub(super) data_policy: bool,
    /// Fields that a further data policy demands of every incident.
    pub(super) data_policy_fields: Vec<String>,
    /// Tables that list nothing to the user.
    pub(super) unreadable_tables: Vec<String>,
    /// Columns that are empty to the user, such as `sys_dictionary.unique`.
    pub(super) unreadable_columns: Vec<String>,
    /// Tables of which the user does not see that there are: no row of `sys_dictionary` is of
    /// one.
    pub(super) undescribed_tables: Vec<String>,
    /// Name of a business rule that aborts every insert and update; empty for none.
    pub(super) business_rule: String,
    /// Fields that `sys_dictionary` calls mandatory; an insert over REST does without.
    pub(super) mandatory_fields: Vec<String>,
    /// Fields that are unique: a second record with the same value is refused.
    pub(super) unique_fields: Vec<String>,
    /// Characters that text fields hold, where they differ from the base system's.
    pub(super) field_lengths: BTreeMap<String, usize>,
    /// Seconds by which the `Date` header is off.
    pub(super) clock_offset: i64,
    /// What a rate limit rule says in the headers of every answer.
    pub(super) rate_limit: Option<RateLimitSwitch>,
    /// Where a business rule reports changes of incidents.
    pub(super) push: Option<PushSwitch>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            token_lifetime_seconds: 1799,
            password_grant: true,
            client_credentials_grant: true,
            basic_auth: true,
            api_access: true,
            may_create: true,
            may_write: true,
            may_delete: true,
            itil_admin: false,
            may_read_journal: false,
            read_denied_after_create: false,
            roles_lost: false,
            unwritable_fields: Vec::new(),
            unqueryable_fields: Vec::new(),
            sys_id_mode: SysIdMode::Honoured,
            duplicate_status: 403,
            allow_unknown_choices: false,
            unknown_query_field: UnknownQueryField::Ignore,
            data_policy: true,
            data_policy_fields: Vec::new(),
            unreadable_tables: Vec::new(),
            unreadable_columns: Vec::new(),
            undescribed_tables: Vec::new(),
            business_rule: String::new(),
            mandatory_fields: Vec::new(),
            unique_fields: Vec::new(),
            field_lengths: BTreeMap::new(),
            clock_offset: 0,
            rate_limit: None,
            push: None,
        }
    }
}

impl Switches {
    /// The same switches with those named in `changes` set.
    ///
    /// # Errors
    ///
    /// A text that names the unknown switch or the value that does not fit.
    pub(super) fn with(&self, changes: &Value) -> Result<Self, String> {
        let changes = changes
            .as_object()
            .ok_or("the switches must be a JSON object")?;
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Some(all) = all.as_object_mut() {
            all.extend(changes.clone());
        }
        serde_json::from_value(all).map_err(|error| error.to_string())
    }

    /// The system properties that say the same.
    pub(super) fn properties(&self) -> [(&'static str, &'static str); 3] {
        let word = |on| if on { "true" } else { "false" };
        let admin_only = self.sys_id_mode != SysIdMode::Honoured;
        let no_rows = self.unknown_query_field == UnknownQueryField::NoRows;
        [
            (
                "glide.rest.table_api.admin_only_sys_fields",
                word(admin_only),
            ),
            ("glide.invalid_query.returns_no_rows", word(no_rows)),
            (
                "glide.rest.choice.allow_non_existing_value",
                word(self.allow_unknown_choices),
            ),
        ]
    }
}
