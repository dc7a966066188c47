//! Record ids: the one that we choose for a new ticket, and the check of those in answers.
//!
//! A `sys_id` is a table's primary key, so an instance that honours a chosen one cannot make
//! two tickets for one key. Pure; may import: `domain::ticket`.

use sha2::{Digest, Sha256};

use crate::domain::identity::TargetName;
use crate::domain::ticket::TicketKey;

/// A record id: 32 hexadecimal digits, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SysId(String);

impl SysId {
    /// The id we choose for the ticket of `key` in `target`: always the same, and no other
    /// record's.
    pub(super) fn chosen_for(target: &TargetName, key: &TicketKey) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(target.as_str().as_bytes());
        // A zero byte cannot stand in either part, so no two pairs run together.
        hasher.update([0]);
        hasher.update(key.as_str().as_bytes());
        Self(hex::encode(&hasher.finalize()[..16]))
    }

    /// `text` as an id, when it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| Self(text.to_ascii_lowercase()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The record id in a text of a callback. One that is no `sys_id` names no ticket of ours.
pub(super) fn in_callback(text: &str) -> Option<String> {
    let is_id = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let own_form = SysId::parse(text).map(|id| id.0);
    is_id.then(|| own_form.unwrap_or_else(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::IncidentId;

    fn key(incident: &str) -> TicketKey {
        TicketKey::of_incident(&IncidentId::new(incident))
    }

    #[test]
    fn the_chosen_id_is_the_same_whenever_it_is_asked_for() {
        let id = SysId::chosen_for(&TargetName::new("servicenow"), &key("0a-1"));
        assert_eq!(
            id,
            SysId::chosen_for(&TargetName::new("servicenow"), &key("0a-1"))
        );
        assert_eq!(SysId::parse(id.as_str()), Some(id));
    }

    #[test]
    fn another_key_or_another_target_has_another_id() {
        let id = SysId::chosen_for(&TargetName::new("servicenow"), &key("0a-1"));
        assert_ne!(
            id,
            SysId::chosen_for(&TargetName::new("servicenow"), &key("0a-2"))
        );
        assert_ne!(
            id,
            SysId::chosen_for(&TargetName::new("servicenow-2"), &key("0a-1"))
        );
    }

    #[test]
    fn an_id_in_a_callback_is_the_same_in_upper_case() {
        let id = "c537bae64f411200adf9f8e18110c76e";
        assert_eq!(in_callback(&id.to_uppercase()).as_deref(), Some(id));
        assert_eq!(in_callback("x' or 1=1"), None);
    }

    #[test]
    fn only_32_hexadecimal_digits_are_an_id() {
        assert!(SysId::parse("AAAABBBBCCCCDDDDEEEEFFFF00001111").is_some());
        assert!(SysId::parse("").is_none());
        assert!(SysId::parse("c537bae64f411200adf9f8e18110c76").is_none());
        assert!(SysId::parse("c537bae64f411200adf9f8e18110c76g").is_none());
        assert!(SysId::parse("../sys_user/c537bae64f411200adf9").is_none());
    }
}
