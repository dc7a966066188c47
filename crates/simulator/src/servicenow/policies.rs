//! Data policies on `incident`: which are in force, and how they are listed.
//!
//! Imports only the switches and the rows.

use super::row::{Row, row};
use super::switches::Switches;

/// A policy.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    name: &'static str,
    /// The states of which it demands; none for every state.
    states: &'static [&'static str],
    /// The fields that it demands.
    pub(super) fields: Vec<String>,
}

impl Policy {
    /// Whether it demands something of an incident in this state.
    pub(super) fn concerns(&self, state: &str) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }

    fn conditions(&self) -> String {
        match self.states {
            [] => String::new(),
            [state] => format!("state={state}^EQ"),
            states => format!("stateIN{}^EQ", states.join(",")),
        }
    }
}

/// The policies that are in force: those of a base instance, and one of the administrator's.
pub(super) fn in_force(switches: &Switches) -> Vec<Policy> {
    let mut policies = Vec::new();
    if switches.data_policy {
        policies.push(Policy {
            name: "Make resolution mandatory",
            states: &["6", "7"],
            fields: ["close_code", "close_notes"].map(str::to_owned).to_vec(),
        });
        policies.push(Policy {
            name: "Make on hold reason mandatory",
            states: &["3"],
            fields: vec!["hold_reason".to_owned()],
        });
    }
    if !switches.data_policy_fields.is_empty() {
        policies.push(Policy {
            name: "Every incident",
            states: &[],
            fields: switches.data_policy_fields.clone(),
        });
    }
    policies
}

/// `sys_data_policy2`.
pub(super) fn policies(switches: &Switches) -> Vec<Row> {
    let row_of = |policy: &Policy| {
        row(&[
            ("sys_id", &format!("policy {}", policy.name)),
            ("short_description", policy.name),
            ("model_table", "incident"),
            ("active", "true"),
            ("inherit", "true"),
            ("conditions", &policy.conditions()),
        ])
    };
    in_force(switches).iter().map(row_of).collect()
}

/// `sys_data_policy_rule`.
pub(super) fn rules(switches: &Switches) -> Vec<Row> {
    let rows_of = |policy: Policy| {
        let conditions = policy.conditions();
        policy.fields.into_iter().map(move |field| {
            row(&[
                ("sys_id", &format!("rule {}: {field}", policy.name)),
                ("sys_data_policy", &format!("policy {}", policy.name)),
                ("sys_data_policy.short_description", policy.name),
                ("sys_data_policy.model_table", "incident"),
                ("sys_data_policy.active", "true"),
                ("sys_data_policy.inherit", "true"),
                ("sys_data_policy.conditions", &conditions),
                ("table", "incident"),
                ("field", &field),
                ("mandatory", "true"),
                ("disabled", "ignore"),
            ])
        })
    };
    in_force(switches).into_iter().flat_map(rows_of).collect()
}
