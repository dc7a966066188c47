//! The columns of the tables: what they hold, how long, and which choices they have.
//!
//! Imports nothing of ours. Lengths and choices are those of a base instance.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, cut by the database after so many characters; 0 for no cut.
    Text(usize),
    /// One of the choices of this column.
    Choice(&'static [(&'static str, &'static str)]),
    /// A record of this table.
    Reference(&'static str),
    /// Entries that are added and never read back raw.
    Journal,
    /// Set by the instance alone.
    Own,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: &'static str,
    /// Its label.
    pub(super) label: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
}

const fn column(name: &'static str, label: &'static str, kind: Kind) -> Column {
    Column { name, label, kind }
}

/// States of an incident.
pub(super) const STATES: &[(&str, &str)] = &[
    ("1", "New"),
    ("2", "In Progress"),
    ("3", "On Hold"),
    ("6", "Resolved"),
    ("7", "Closed"),
    ("8", "Canceled"),
];
const LEVELS: &[(&str, &str)] = &[("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];
const PRIORITIES: &[(&str, &str)] = &[
    ("1", "1 - Critical"),
    ("2", "2 - High"),
    ("3", "3 - Moderate"),
    ("4", "4 - Low"),
    ("5", "5 - Planning"),
];
const CATEGORIES: &[(&str, &str)] = &[
    ("inquiry", "Inquiry / Help"),
    ("software", "Software"),
    ("hardware", "Hardware"),
    ("network", "Network"),
    ("database", "Database"),
];
const SUBCATEGORIES: &[(&str, &str)] = &[
    ("ip address", "IP Address"),
    ("vpn", "VPN"),
    ("wireless", "Wireless"),
    ("email", "Email"),
    ("internal application", "Internal Application"),
];
const CONTACT_TYPES: &[(&str, &str)] = &[
    ("email", "Email"),
    ("phone", "Phone"),
    ("self-service", "Self-service"),
    ("walk-in", "Walk-in"),
    ("integration", "Integration"),
];
const CLOSE_CODES: &[(&str, &str)] = &[
    ("Duplicate", "Duplicate"),
    ("Known error", "Known error"),
    ("No resolution provided", "No resolution provided"),
    ("Resolved by caller", "Resolved by caller"),
    ("Resolved by change", "Resolved by change"),
    ("Resolved by problem", "Resolved by problem"),
    ("Solution provided", "Solution provided"),
    ("Workaround provided", "Workaround provided"),
    ("User error", "User error"),
];
const HOLD_REASONS: &[(&str, &str)] = &[
    ("1", "Awaiting Caller"),
    ("3", "Awaiting Problem"),
    ("4", "Awaiting Vendor"),
    ("5", "Awaiting Change"),
];

/// A table of somebody's own that extends `incident`. It has no records: it is there to be
/// described.
pub(super) const VOICE_INCIDENT: &str = "u_voice_incident";
/// The column that it adds, and its label.
pub(super) const CARRIER: (&str, &str) = ("u_carrier", "Carrier");

/// Columns of `incident`, those inherited from `task` among them.
pub(super) const INCIDENT: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("number", "Number", Kind::Own),
    column("short_description", "Short description", Kind::Text(160)),
    column("description", "Description", Kind::Text(0)),
    column("state", "State", Kind::Choice(STATES)),
    column("incident_state", "Incident state", Kind::Own),
    column("active", "Active", Kind::Own),
    column("impact", "Impact", Kind::Choice(LEVELS)),
    column("urgency", "Urgency", Kind::Choice(LEVELS)),
    column("priority", "Priority", Kind::Own),
    column("severity", "Severity", Kind::Choice(LEVELS)),
    column("category", "Category", Kind::Choice(CATEGORIES)),
    column("subcategory", "Subcategory", Kind::Choice(SUBCATEGORIES)),
    column("contact_type", "Channel", Kind::Choice(CONTACT_TYPES)),
    column(
        "assignment_group",
        "Assignment group",
        Kind::Reference("sys_user_group"),
    ),
    column("assigned_to", "Assigned to", Kind::Reference("sys_user")),
    column("caller_id", "Caller", Kind::Reference("sys_user")),
    column("opened_by", "Opened by", Kind::Reference("sys_user")),
    column("resolved_by", "Resolved by", Kind::Reference("sys_user")),
    column("closed_by", "Closed by", Kind::Reference("sys_user")),
    column("cmdb_ci", "Configuration item", Kind::Reference("cmdb_ci")),
    column(
        "business_service",
        "Service",
        Kind::Reference("cmdb_ci_service"),
    ),
    column("company", "Company", Kind::Reference("core_company")),
    column("location", "Location", Kind::Reference("cmn_location")),
    column("parent", "Parent", Kind::Reference("incident")),
    column(
        "parent_incident",
        "Parent Incident",
        Kind::Reference("incident"),
    ),
    column("correlation_id", "Correlation ID", Kind::Text(100)),
    column(
        "correlation_display",
        "Correlation display",
        Kind::Text(100),
    ),
    column("close_code", "Resolution code", Kind::Choice(CLOSE_CODES)),
    column("close_notes", "Resolution notes", Kind::Text(0)),
    column("hold_reason", "On hold reason", Kind::Choice(HOLD_REASONS)),
    column("work_notes", "Work notes", Kind::Journal),
    column("comments", "Additional comments", Kind::Journal),
    column("opened_at", "Opened", Kind::Own),
    column("resolved_at", "Resolved", Kind::Own),
    column("closed_at", "Closed", Kind::Own),
    column("reopen_count", "Reopen count", Kind::Own),
    column("reopened_time", "Reopened", Kind::Own),
    column("sys_class_name", "Task type", Kind::Own),
    column("sys_created_on", "Created", Kind::Own),
    column("sys_created_by", "Created by", Kind::Own),
    column("sys_updated_on", "Updated", Kind::Own),
    column("sys_updated_by", "Updated by", Kind::Own),
    column("sys_mod_count", "Updates", Kind::Own),
];

const NAMED: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("name", "Name", Kind::Text(100)),
    column("active", "Active", Kind::Own),
];
const USER: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("user_name", "User ID", Kind::Text(40)),
    column("name", "Name", Kind::Text(100)),
    column("email", "Email", Kind::Text(100)),
    column("active", "Active", Kind::Own),
    column("locked_out", "Locked out", Kind::Own),
    column("time_zone", "Time zone", Kind::Own),
    column(
        "web_service_access_only",
        "Web service access only",
        Kind::Own,
    ),
];
const DICTIONARY: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("name", "Table", Kind::Own),
    column("element", "Column name", Kind::Own),
    column("column_label", "Column label", Kind::Own),
    column("internal_type", "Type", Kind::Own),
    column("max_length", "Max length", Kind::Own),
    column("reference", "Reference", Kind::Own),
    column("mandatory", "Mandatory", Kind::Own),
    column("active", "Active", Kind::Own),
    column("array", "Array", Kind::Own),
    column("read_only", "Read only", Kind::Own),
    column("unique", "Unique", Kind::Own),
    column("default_value", "Default value", Kind::Own),
];
const DB_OBJECT: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("name", "Name", Kind::Own),
    column("label", "Label", Kind::Own),
    column("super_class", "Extends table", Kind::Own),
    column("super_class.name", "Extends table", Kind::Own),
];
const CHOICE: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("name", "Table", Kind::Own),
    column("element", "Element", Kind::Own),
    column("value", "Value", Kind::Own),
    column("label", "Label", Kind::Own),
    column("dependent_value", "Dependent value", Kind::Own),
    column("language", "Language", Kind::Own),
    column("inactive", "Inactive", Kind::Own),
];
const JOURNAL: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("name", "Table", Kind::Own),
    column("element_id", "Element ID", Kind::Own),
    column("element", "Element", Kind::Own),
    column("value", "Value", Kind::Own),
    column("sys_created_on", "Created", Kind::Own),
    column("sys_created_by", "Created by", Kind::Own),
];
const PROPERTY: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("name", "Name", Kind::Own),
    column("value", "Value", Kind::Own),
];

/// Columns with a dot belong to the record that a reference points to.
const USER_HAS_ROLE: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("user", "User", Kind::Own),
    column("role", "Role", Kind::Own),
    column("role.name", "Role", Kind::Own),
    column("state", "State", Kind::Own),
    column("inherited", "Inherited", Kind::Own),
];
const CONTROL: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("name", "Name", Kind::Own),
    column("type", "Type", Kind::Own),
    column("operation", "Operation", Kind::Own),
    column("active", "Active", Kind::Own),
    column("condition", "Condition", Kind::Own),
    column("script", "Script", Kind::Own),
    column("advanced", "Advanced", Kind::Own),
    column("security_attribute", "Security Attribute", Kind::Own),
    column("decision_type", "Decision Type", Kind::Own),
    column("admin_overrides", "Admin overrides", Kind::Own),
];
const CONTROL_ROLE: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("sys_security_acl", "ACL", Kind::Own),
    column("sys_security_acl.name", "ACL name", Kind::Own),
    column("sys_user_role", "Role", Kind::Own),
    column("sys_user_role.name", "Role name", Kind::Own),
];
const POLICY: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("short_description", "Short description", Kind::Own),
    column("model_table", "Table", Kind::Own),
    column("active", "Active", Kind::Own),
    column("inherit", "Inherit", Kind::Own),
    column("conditions", "Conditions", Kind::Own),
];
const POLICY_RULE: &[Column] = &[
    column("sys_id", "Sys ID", Kind::Own),
    column("sys_data_policy", "Data policy", Kind::Own),
    column(
        "sys_data_policy.short_description",
        "Short description",
        Kind::Own,
    ),
    column("sys_data_policy.model_table", "Table", Kind::Own),
    column("sys_data_policy.active", "Active", Kind::Own),
    column("sys_data_policy.inherit", "Inherit", Kind::Own),
    column("sys_data_policy.conditions", "Conditions", Kind::Own),
    column("table", "Table", Kind::Own),
    column("field", "Field name", Kind::Own),
    column("mandatory", "Mandatory", Kind::Own),
    column("disabled", "Read only", Kind::Own),
];

/// The columns of `table`; `None` when there is no such table.
pub(super) fn columns(table: &str) -> Option<&'static [Column]> {
    Some(match table {
        "incident" | VOICE_INCIDENT => INCIDENT,
        "sys_db_object" => DB_OBJECT,
        "sys_user" => USER,
        "sys_user_group" | "cmdb_ci" | "cmdb_ci_service" | "service_offering" | "core_company"
        | "cmn_location" => NAMED,
        "sys_dictionary" => DICTIONARY,
        "sys_choice" => CHOICE,
        "sys_journal_field" => JOURNAL,
        "sys_properties" => PROPERTY,
        "sys_user_has_role" => USER_HAS_ROLE,
        "sys_security_acl" => CONTROL,
        "sys_security_acl_role" => CONTROL_ROLE,
        "sys_data_policy2" => POLICY,
        "sys_data_policy_rule" => POLICY_RULE,
        _ => return None,
    })
}

/// What the column `name` of a new incident holds when nobody sets it.
pub(super) fn default_value(name: &str) -> &'static str {
    match name {
        "state" => "1",
        "impact" | "urgency" | "severity" => "3",
        "category" => "inquiry",
        "reopen_count" => "0",
        _ => "",
    }
}

/// The column `name` of `incident`.
pub(super) fn incident_column(name: &str) -> Option<&'static Column> {
    INCIDENT.iter().find(|column| column.name == name)
}

/// What people see of the choice `value` of `column`: its label, or for `priority` and
/// `incident_state`, which the instance computes, the label of that number.
pub(super) fn label(column: &Column, value: &str) -> Option<&'static str> {
    let choices = match (column.name, column.kind) {
        ("priority", _) => PRIORITIES,
        ("incident_state", _) => STATES,
        (_, Kind::Choice(choices)) => choices,
        _ => return None,
    };
    choices
        .iter()
        .find_map(|(choice, label)| (*choice == value).then_some(*label))
}
