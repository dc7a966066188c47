//! Reads the rules of the instance: our user's roles, access controls, data policies.
//!
//! An ordinary user sees some of these tables empty, so that none of them is ever taken as proof
//! when it has no rows.

use std::collections::BTreeMap;

use super::ServiceNow;
use super::condition::EncodedCondition;
use super::hierarchy::TableHierarchy;
use super::inspect::MAX_ROWS;
use super::query::{Literal, Query};
use super::record::Record;
use super::requests::Request;
use super::rights::{AccessControl, Rights};
use crate::domain::failure::Failure;
use crate::targets::inspect::RuleRequirement;

const CONTROLS: &str = "sys_id,name,type,operation,active,condition,script,\
     security_attribute,decision_type";
const CONTROL_ROLES: &str = "sys_security_acl,sys_user_role.name";
const DEMANDS: &str = "field,mandatory,sys_data_policy.short_description,\
     sys_data_policy.model_table,sys_data_policy.active,sys_data_policy.inherit,\
     sys_data_policy.conditions";

impl ServiceNow {
    /// Our user's roles and the controls on the tables.
    pub(super) async fn rights(&self, hierarchy: &TableHierarchy) -> Result<Rights, Failure> {
        Ok(Rights {
            roles: self.our_roles().await?,
            controls: self.controls(hierarchy).await?,
            tables: hierarchy.tables.clone(),
        })
    }

    /// `None` where they cannot be read whole. The row of a role that our user may not see has
    /// no name.
    async fn our_roles(&self) -> Result<Option<Vec<String>>, Failure> {
        let request = Request::rows("sys_user", Some(&Query::ourselves()), "sys_id", 2);
        // An instance that drops the condition answers with strangers.
        let users = self.readable(&request).await?;
        let id = match users.as_slice() {
            [user] => user.id(),
            _ => None,
        };
        let Some(id) = id else { return Ok(None) };
        let query = Query::equals("user", &Literal::from(&id));
        let fields = "user,state,role.name";
        let request = Request::rows("sys_user_has_role", Some(&query), fields, MAX_ROWS);
        let rows = self.readable(&request).await?;
        let mut roles: Vec<String> = rows
            .iter()
            .filter(|row| row.text("user") == id.as_str() && row.text("state") != "inactive")
            .map(|row| row.text("role.name").into_owned())
            .collect();
        roles.sort_unstable();
        roles.dedup();
        let is_complete = !roles.is_empty() && !roles.iter().any(String::is_empty);
        Ok(is_complete.then_some(roles))
    }

    async fn controls(
        &self,
        hierarchy: &TableHierarchy,
    ) -> Result<Option<Vec<AccessControl>>, Failure> {
        let Some(of_table) = named_after(hierarchy, "name") else {
            return Ok(None);
        };
        let request = Request::rows("sys_security_acl", Some(&of_table), CONTROLS, MAX_ROWS);
        let rows = self.readable(&request).await?;
        let Some(of_table) = named_after(hierarchy, "sys_security_acl.name") else {
            return Ok(None);
        };
        let request = Request::rows(
            "sys_security_acl_role",
            Some(&of_table),
            CONTROL_ROLES,
            MAX_ROWS,
        );
        let roles = self.readable(&request).await?;
        if rows.is_empty() || roles.is_empty() {
            return Ok(None);
        }
        let mut by_control: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &roles {
            let control = row.text("sys_security_acl").into_owned();
            let role = row.text("sys_user_role.name").into_owned();
            by_control.entry(control).or_default().push(role);
        }
        let counts = |row: &&Record| row.text("active") == "true" && row.text("type") == "record";
        let controls = rows.iter().filter(counts).map(|row| {
            let roles = by_control.remove(row.text("sys_id").as_ref());
            control(row, roles.unwrap_or_default())
        });
        Ok(Some(controls.collect()))
    }

    /// What data policies want of records of the table; `None` where none can be read.
    pub(super) async fn rule_requirements(
        &self,
        hierarchy: &TableHierarchy,
    ) -> Result<Option<Vec<RuleRequirement>>, Failure> {
        let Some(query) = hierarchy.rows("sys_data_policy.model_table") else {
            return Ok(None);
        };
        let request = Request::rows("sys_data_policy_rule", Some(&query), DEMANDS, MAX_ROWS);
        let rows = self.readable(&request).await?;
        let demanding = rows.iter().filter(|row| is_demanding(hierarchy, row));
        let rule_requirements = demanding.map(demand);
        Ok((!rows.is_empty()).then(|| rule_requirements.collect()))
    }
}

/// Whether a policy is in force for our tickets: one on a table that ours extends only where
/// it is inherited.
fn is_demanding(hierarchy: &TableHierarchy, row: &Record) -> bool {
    let is = |name: &str| row.text(name) == "true";
    let counts = match hierarchy.distance(&row.text("sys_data_policy.model_table")) {
        Some(0) => true,
        Some(_) => is("sys_data_policy.inherit"),
        None => false,
    };
    is("mandatory") && is("sys_data_policy.active") && counts
}

/// Rows whose `field` is one of the tables, every table, or a field of one.
fn named_after(hierarchy: &TableHierarchy, field: &'static str) -> Option<Query> {
    let mut query = hierarchy.rows(field)?.or_equals(field, "*");
    let owners = hierarchy.tables.iter().map(String::as_str);
    for owner in owners.chain(std::iter::once("*")) {
        query = query.or_begins(field, &Literal::parse(&format!("{owner}."))?);
    }
    Some(query)
}

fn control(row: &Record, roles: Vec<String>) -> AccessControl {
    let guards = ["condition", "script", "security_attribute"];
    AccessControl {
        name: row.text("name").into_owned(),
        operation: row.text("operation").into_owned(),
        is_guarded: guards.iter().any(|guard| !row.text(guard).is_empty()),
        denies: row.text("decision_type") == "deny",
        roles,
    }
}

fn demand(row: &Record) -> RuleRequirement {
    RuleRequirement {
        rule: format!(
            "data policy {:?}",
            row.text("sys_data_policy.short_description")
        ),
        field: row.text("field").into_owned(),
        when: Box::new(EncodedCondition::parse(
            &row.text("sys_data_policy.conditions"),
        )),
    }
}
