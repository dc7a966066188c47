//! The outage that an incident is a member of, as people know it.

use serde::Serialize;
use utoipa::ToSchema;

use super::named::Names;
use crate::domain::identity::TargetName;
use crate::domain::situation::OutageFact;
use crate::store::StoreError;
use crate::store::row::Row;

/// The outage that stands for an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MemberOf {
    /// Such as `site Berlin`.
    pub name: String,
    /// The number of its ticket, or the ticket's id.
    pub ticket: Option<String>,
    /// The target of its ticket.
    pub target: TargetName,
}

impl MemberOf {
    pub(super) fn fact(&self) -> OutageFact {
        let ticket = self.ticket.as_ref();
        OutageFact {
            name: self.name.clone(),
            ticket: ticket.map(|ticket| format!("{ticket} in {}", self.target)),
        }
    }

    pub(super) fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let named: Option<String> = row.get_optional("outage_name")?;
        let Some((rule, key)) = named.as_deref().and_then(|one| one.split_once(' ')) else {
            return Ok(None);
        };
        Ok(Some(Self {
            name: Names::default().entity_and_name(rule, key).1,
            ticket: row.get_optional("outage_ticket")?,
            target: row.get("outage_target")?,
        }))
    }
}
