//! The access controls on `incident`, and the roles that our user has: the switches as rows.
//!
//! A right that a switch takes away is one whose control wants a role that our user lacks.
//! Imports only the switches and the rows.

use super::row::{Row, row};
use super::switches::Switches;

/// The roles of the integration user.
const OURS: [&str; 2] = ["sn_incident_write", "snc_internal"];
/// What the base instance's controls want.
const USUAL: [&str; 2] = ["itil", "sn_incident_write"];
/// What a control wants that keeps our user out.
const FOREIGN: [&str; 1] = ["itil_admin"];

/// `sys_user_has_role` of `user`.
pub(super) fn roles(user: &str, switches: &Switches) -> Vec<Row> {
    let is_kept = |role: &&&str| !(switches.roles_lost && USUAL.contains(*role));
    let of = |role: &str| {
        row(&[
            ("sys_id", &format!("role of {user}: {role}")),
            ("user", user),
            ("role", &format!("id of {role}")),
            ("role.name", role),
            ("state", "active"),
            ("inherited", "false"),
        ])
    };
    OURS.iter().filter(is_kept).map(|role| of(role)).collect()
}

/// A control: what it is about, the operation, and the roles that it wants.
type Control = (String, &'static str, &'static [&'static str]);

fn all(switches: &Switches) -> Vec<Control> {
    let wants = |may: bool| if may { &USUAL[..] } else { &FOREIGN[..] };
    let mut all: Vec<Control> = vec![
        ("incident".to_owned(), "create", wants(switches.may_create)),
        ("incident".to_owned(), "write", wants(switches.may_write)),
        ("incident".to_owned(), "delete", wants(switches.may_delete)),
    ];
    for field in &switches.unwritable_fields {
        let name = format!("incident.{field}");
        all.push((name.clone(), "create", &FOREIGN));
        all.push((name, "write", &FOREIGN));
    }
    all
}

fn id_of(name: &str, operation: &str) -> String {
    format!("control of {name}: {operation}")
}

/// `sys_security_acl`.
pub(super) fn controls(switches: &Switches) -> Vec<Row> {
    let row_of = |(name, operation, _): &Control| {
        row(&[
            ("sys_id", &id_of(name, operation)),
            ("name", name),
            ("type", "record"),
            ("operation", operation),
            ("active", "true"),
            ("condition", ""),
            ("script", ""),
            ("advanced", "false"),
            ("security_attribute", ""),
            ("decision_type", "allow"),
            ("admin_overrides", "true"),
        ])
    };
    all(switches).iter().map(row_of).collect()
}

/// `sys_security_acl_role`.
pub(super) fn control_roles(switches: &Switches) -> Vec<Row> {
    let rows_of = |(name, operation, roles): Control| {
        let id = id_of(&name, operation);
        roles.iter().map(move |role| {
            row(&[
                ("sys_id", &format!("{id}, {role}")),
                ("sys_security_acl", &id),
                ("sys_security_acl.name", &name),
                ("sys_user_role", &format!("id of {role}")),
                ("sys_user_role.name", role),
            ])
        })
    };
    all(switches).into_iter().flat_map(rows_of).collect()
}
