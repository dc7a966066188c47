//! What our user may do, as far as roles and access controls tell without trying.
//!
//! An access control asks for one of its roles *and* for its condition and script. So a user
//! without any of the roles is refused for certain; one with a role may still be refused by
//! the script. Pure; may import: `targets::inspect`.

use crate::targets::inspect::Permission;

/// A role that satisfies every control's roles.
const ADMIN: &str = "admin";
/// Roles with which a base instance lets its users open and change incidents.
const BASE_ROLES: [&str; 4] = [ADMIN, "itil", "itil_admin", "sn_incident_write"];

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct AccessControl {
    /// `incident`, `incident.state`, `*`.
    pub(super) name: String,
    /// `create`, `write`, …
    pub(super) operation: String,
    /// One of these is wanted; none for everybody.
    pub(super) roles: Vec<String>,
    /// It has a condition, a script or an attribute, which only a write runs; or roles that
    /// cannot be read.
    pub(super) is_guarded: bool,
    /// It refuses whom it does not let through, whatever other controls say.
    pub(super) denies: bool,
}

/// What a control says about our user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Passes,
    Fails,
    Depends,
}

/// Our user's roles and the instance's controls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rights {
    /// Our user's roles; `None` where they cannot be read whole.
    pub(super) roles: Option<Vec<String>>,
    /// The controls on the tables and their fields; `None` where they cannot be read.
    pub(super) controls: Option<Vec<AccessControl>>,
    /// The ticket's table, then the tables that it extends, nearest first.
    pub(super) tables: Vec<String>,
}

impl Rights {
    /// Whether our user may do `operation` with records of the table.
    pub(super) fn on_table(&self, operation: &str) -> Permission {
        let Some(roles) = &self.roles else {
            return Permission::Unknown;
        };
        let Some(controls) = &self.controls else {
            let table = self.tables.first().map_or("", String::as_str);
            return by_base_roles(table, roles);
        };
        let names: Vec<String> = self.owners().map(str::to_owned).collect();
        judge(&nearest(controls, &names, operation), roles)
    }

    /// Whether our user is refused for certain to do `operation` with `field`.
    pub(super) fn is_refused(&self, field: &str, operation: &str) -> bool {
        let (Some(roles), Some(controls)) = (&self.roles, &self.controls) else {
            return false;
        };
        let owners = self.owners();
        let names: Vec<String> = owners.map(|owner| format!("{owner}.{field}")).collect();
        let nearest = nearest(controls, &names, operation);
        matches!(judge(&nearest, roles), Permission::Denied(_))
    }

    /// Whose controls count, in the order in which they do.
    fn owners(&self) -> impl Iterator<Item = &str> {
        let tables = self.tables.iter().map(String::as_str);
        tables.chain(std::iter::once("*"))
    }
}

/// The controls that count: those under the first of `names` that has any.
fn nearest<'a>(
    controls: &'a [AccessControl],
    names: &[String],
    operation: &str,
) -> Vec<&'a AccessControl> {
    let under = |name: &String| -> Vec<&'a AccessControl> {
        let counts =
            |control: &&AccessControl| control.name == *name && control.operation == operation;
        controls.iter().filter(counts).collect()
    };
    let found = names.iter().map(under).find(|found| !found.is_empty());
    found.unwrap_or_default()
}

/// Every control that denies must pass, and one of the others.
fn judge(controls: &[&AccessControl], roles: &[String]) -> Permission {
    let answers = |denies: bool| {
        let of_kind = controls.iter().filter(move |one| one.denies == denies);
        of_kind.map(|control| (*control, control.answer(roles)))
    };
    let denied = answers(true).find(|(_, answer)| *answer == Answer::Fails);
    if let Some((control, _)) = denied {
        return refused(&[control], roles);
    }
    let allowing: Vec<&AccessControl> = answers(false).map(|(control, _)| control).collect();
    if !allowing.is_empty() && answers(false).all(|(_, answer)| answer == Answer::Fails) {
        return refused(&allowing, roles);
    }
    let is_free = answers(true).all(|(_, answer)| answer == Answer::Passes);
    let is_let_in = answers(false).any(|(_, answer)| answer == Answer::Passes);
    if is_free && is_let_in {
        Permission::Granted
    } else {
        Permission::Unknown
    }
}

impl AccessControl {
    fn answer(&self, roles: &[String]) -> Answer {
        let has_one = roles
            .iter()
            .any(|role| *role == ADMIN || self.roles.contains(role));
        let is_readable = !self.roles.iter().any(String::is_empty);
        match (self.roles.is_empty() || has_one, self.is_guarded) {
            (true, false) => Answer::Passes,
            (false, _) if is_readable => Answer::Fails,
            _ => Answer::Depends,
        }
    }
}

fn refused(controls: &[&AccessControl], roles: &[String]) -> Permission {
    let mut wanted: Vec<&str> = controls
        .iter()
        .flat_map(|control| control.roles.iter().map(String::as_str))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let name = controls.first().map_or("", |control| control.name.as_str());
    Permission::Denied(format!(
        "the access control of {name} wants one of the roles {}, and our user has {}",
        wanted.join(", "),
        listed(roles)
    ))
}

fn by_base_roles(table: &str, roles: &[String]) -> Permission {
    let has_one = roles.iter().any(|role| BASE_ROLES.contains(&role.as_str()));
    if table != "incident" || has_one {
        return Permission::Unknown;
    }
    Permission::Doubtful(format!(
        "a base instance wants one of the roles {}, and our user has {}",
        BASE_ROLES.join(", "),
        listed(roles)
    ))
}

fn listed(roles: &[String]) -> String {
    if roles.is_empty() {
        "none".to_owned()
    } else {
        roles.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(name: &str, roles: &[&str]) -> AccessControl {
        AccessControl {
            name: name.to_owned(),
            operation: "create".to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..AccessControl::default()
        }
    }

    fn rights(role: &str, controls: Vec<AccessControl>) -> Rights {
        Rights {
            roles: Some(vec![role.to_owned()]),
            controls: Some(controls),
            tables: tables("incident"),
        }
    }

    fn tables(of: &str) -> Vec<String> {
        vec![of.to_owned(), "task".to_owned()]
    }

    fn create(rights: &Rights) -> Permission {
        rights.on_table("create")
    }

    #[test]
    fn one_control_that_lets_in_is_enough_and_none_is_a_refusal() {
        let controls = vec![
            control("incident", &["itil"]),
            control("incident", &["desk"]),
        ];
        assert_eq!(
            create(&rights("desk", controls.clone())),
            Permission::Granted
        );
        assert_eq!(
            create(&rights("admin", controls.clone())),
            Permission::Granted
        );
        let Permission::Denied(why) = create(&rights("guest", controls)) else {
            panic!("a user without a role was let in");
        };
        assert!(why.contains("desk, itil") && why.contains("guest"), "{why}");
    }

    #[test]
    fn the_tables_own_controls_stand_above_those_of_what_it_extends() {
        let controls = vec![control("incident", &["itil"]), control("task", &["desk"])];
        assert!(matches!(
            create(&rights("desk", controls)),
            Permission::Denied(_)
        ));
        let inherited = vec![control("task", &["desk"])];
        assert_eq!(create(&rights("desk", inherited)), Permission::Granted);
    }

    #[test]
    fn a_script_is_never_foretold_but_a_missing_role_is() {
        let guarded = |roles: &[&str]| AccessControl {
            is_guarded: true,
            ..control("incident", roles)
        };
        let has = |controls| create(&rights("desk", controls));
        assert_eq!(has(vec![guarded(&["desk"])]), Permission::Unknown);
        assert!(matches!(
            has(vec![guarded(&["itil"])]),
            Permission::Denied(_)
        ));
        assert_eq!(has(vec![guarded(&[])]), Permission::Unknown);
        assert_eq!(
            has(vec![control("incident", &["itil", ""])]),
            Permission::Unknown
        );
        assert_eq!(has(Vec::new()), Permission::Unknown);
    }

    #[test]
    fn a_control_that_denies_stands_above_those_that_allow() {
        let denying = AccessControl {
            denies: true,
            ..control("incident", &["insider"])
        };
        let controls = vec![control("incident", &["desk"]), denying];
        assert!(matches!(
            create(&rights("desk", controls)),
            Permission::Denied(_)
        ));
    }

    #[test]
    fn without_controls_to_read_the_base_roles_raise_a_doubt_on_incidents_only() {
        let rights = |role: &str| Rights {
            roles: Some(vec![role.to_owned()]),
            controls: None,
            tables: tables("incident"),
        };
        assert!(matches!(create(&rights("guest")), Permission::Doubtful(_)));
        assert_eq!(create(&rights("itil")), Permission::Unknown);
        let elsewhere = Rights {
            tables: tables("u_ticket"),
            ..rights("guest")
        };
        assert_eq!(elsewhere.on_table("create"), Permission::Unknown);
        assert_eq!(create(&Rights::default()), Permission::Unknown);
    }

    #[test]
    fn a_field_is_refused_only_by_a_control_of_its_own() {
        let controls = vec![
            control("incident.state", &["itil"]),
            control("incident", &["itil"]),
        ];
        let rights = rights("desk", controls);
        assert!(rights.is_refused("state", "create"));
        assert!(!rights.is_refused("state", "write"));
        assert!(!rights.is_refused("impact", "create"));
    }
}
