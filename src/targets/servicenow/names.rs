//! Turns names in a body into the record ids that references want.
//!
//! The instance could resolve names itself, but then it also shifts times out of the user's zone,
//! and drops a name that it does not find without an error.

use std::time::Instant;

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};

use crate::targets::inspect::{FieldInfo, Reference};

use super::ServiceNow;
use super::body::Body;
use super::create::Insert;
use super::ids::SysId;
use super::query::{Literal, Query};
use super::record::Record;
use super::references::{Name, named_in, names_in};
use super::requests::Request;

impl ServiceNow {
    /// The fields of `named` with ids in place of names.
    pub(super) async fn resolved(&self, named: &Body) -> Result<Body, Failure> {
        let mut resolved = named.clone();
        for name in names_in(named) {
            if let Some(id) = self.id_of(&name).await? {
                resolved.insert(name.field.to_owned(), id.as_str().into());
            }
        }
        Ok(resolved)
    }

    /// … asked for again, after the instance has refused an id: it may be a clone of another, with
    /// ids of its own. `None` where they are the same as `before`.
    pub(super) async fn resolved_again(
        &self,
        named: &Body,
        before: &Body,
    ) -> Result<Option<Body>, Failure> {
        if names_in(named).is_empty() {
            return Ok(None);
        }
        self.references.forget();
        let resolved = self.resolved(named).await?;
        Ok((resolved != *before).then_some(resolved))
    }

    /// Sets references that the instance dropped from a new ticket, where their names stand for
    /// other ids than those that were sent. The ticket stands in any case. Returns what it has now.
    pub(super) async fn restore_references(
        &self,
        insert: &Insert<'_>,
        id: &SysId,
        dropped: &[String],
    ) -> Vec<String> {
        let is_dropped = |field: &String| dropped.contains(field);
        let of = |body: &Body| -> Body {
            let fields = body.iter().filter(|(field, _)| is_dropped(field));
            fields
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect()
        };
        let Ok(Some(fields)) = self
            .resolved_again(&of(insert.named), &of(&insert.body))
            .await
        else {
            return Vec::new();
        };
        let request = Request::change(&self.table, id, fields);
        match self.api.record(&request).await {
            Ok(record) => {
                tracing::info!(
                    target = %self.name, ticket = %id.as_str(), ?dropped,
                    "names stand for other ids than before; the references are set"
                );
                let is_set = |field: &&String| !record.text(field).is_empty();
                dropped.iter().filter(is_set).cloned().collect()
            }
            Err(rejection) => {
                tracing::warn!(
                    target = %self.name, ticket = %id.as_str(), ?dropped,
                    error = %rejection.failure,
                    "names stand for other ids than before; the references could not be set"
                );
                Vec::new()
            }
        }
    }

    /// What `text` stands for in `field`, asked anew.
    pub(super) async fn referenced(
        &self,
        field: &FieldInfo,
        text: &str,
    ) -> Result<Reference, Failure> {
        let Some(name) = named_in(&field.name, text) else {
            let needs_id = field.kind == "reference" && SysId::parse(text).is_none();
            return Ok(match needs_id {
                true => Reference::Missing(format!(
                    "{text:?} is no sys_id, and names are not looked up for this field"
                )),
                false => Reference::NotLookedUp,
            });
        };
        self.references.forget();
        match self.id_of(&name).await {
            Ok(Some(id)) => self.state_of(&name, &id).await,
            Ok(None) => Ok(Reference::Unreadable(name.table.to_owned())),
            Err(failure) if failure.refuses_value => Ok(Reference::Missing(failure.message)),
            Err(failure) => Err(failure),
        }
    }

    /// The record that was found, which may not be in use any more.
    async fn state_of(&self, name: &Name<'_>, id: &SysId) -> Result<Reference, Failure> {
        let request = Request::read(name.table, id, "sys_id,active");
        let record = self.api.read(&request).await;
        let record = record.map_err(|rejection| rejection.failure)?;
        let found = format!(
            "{:?} is the record {} of {}",
            name.text,
            id.as_str(),
            name.table
        );
        Ok(match record {
            Some(record) if record.text("active") == "false" => {
                Reference::Inactive(format!("{found}, which is not active"))
            }
            _ => Reference::Found(found),
        })
    }

    /// The id of `name`; `None` when this user may not read the table, so that the name is
    /// sent as it is, and the reply shows whether the instance made something of it.
    async fn id_of(&self, name: &Name<'_>) -> Result<Option<SysId>, Failure> {
        if let Some(id) = self.references.recall(name, Instant::now()) {
            return Ok(Some(id));
        }
        let literal = Literal::parse(name.text)
            .ok_or_else(|| unresolved(name, "holds characters that no query can ask for"))?;
        let query = Query::equals(name.column, &literal);
        let Some(rows) = self.rows_of(name, Some(&query), 2).await? else {
            return Ok(None);
        };
        let mut ids: Vec<SysId> = rows.iter().filter_map(|row| id_named(row, name)).collect();
        match (ids.pop(), ids.is_empty()) {
            (Some(id), true) => {
                self.references.remember(name, &id, Instant::now());
                Ok(Some(id))
            }
            (Some(_), false) => Err(unresolved(name, "is the name of several records")),
            (None, _) => self.nobody_named(name).await,
        }
    }

    /// An empty answer means "no such record" or "hidden from this user". If any record of the
    /// table can be read, it means the first.
    async fn nobody_named(&self, name: &Name<'_>) -> Result<Option<SysId>, Failure> {
        let any = self.rows_of(name, None, 1).await?.unwrap_or_default();
        if any.iter().any(|row| !row.text(name.column).is_empty()) {
            return Err(unresolved(name, "is the name of no record"));
        }
        self.report_unreadable(name);
        Ok(None)
    }

    /// Rows of the table that `name` points into; `None` when this user may not ask it.
    async fn rows_of(
        &self,
        name: &Name<'_>,
        query: Option<&Query>,
        limit: u16,
    ) -> Result<Option<Vec<Record>>, Failure> {
        let fields = format!("sys_id,{}", name.column);
        let request = Request::rows(name.table, query, &fields, limit);
        match self.api.rows(&request).await {
            Ok(rows) => Ok(Some(rows)),
            Err(rejection) if rejection.is_unreadable() => {
                self.report_unreadable(name);
                Ok(None)
            }
            Err(rejection) => Err(rejection.failure),
        }
    }

    fn report_unreadable(&self, name: &Name<'_>) {
        tracing::warn!(
            target = %self.name, field = name.field, table = name.table, name = name.text,
            "the name cannot be turned into an id, because this user may not read the table; \
             it is sent as it is"
        );
    }
}

/// The id in `row`, when the row has exactly this name: databases compare more loosely.
fn id_named(row: &Record, name: &Name<'_>) -> Option<SysId> {
    let found = row.text(name.column);
    (found.to_lowercase() == name.text.to_lowercase())
        .then(|| row.id())
        .flatten()
}

fn unresolved(name: &Name<'_>, problem: &str) -> Failure {
    let message = format!(
        "{:?} {problem} in {}.{}; give the record's sys_id instead",
        name.text, name.table, name.column
    );
    let mut failure = Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::PersonInConfiguration),
        message,
    )
    .with_field(name.field);
    failure.refuses_value = true;
    failure
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_of_another_name_is_never_taken() {
        let name = Name {
            field: "assignment_group",
            table: "sys_user_group",
            column: "name",
            text: "Telephony Operations",
        };
        let row = |text: &str| {
            let id = "287ebd7da9fe198100f92cc8d1d2154e";
            Record::from_json(json!({"sys_id": id, "name": text})).unwrap()
        };
        assert!(id_named(&row("telephony operations"), &name).is_some());
        assert!(id_named(&row("Network"), &name).is_none());
    }
}
