//! Whether the id in a field of the configuration stands for a record that a ticket can refer to:
//! an owner, a record type, a contact.

use serde_json::Value;

use super::Salesforce;
use super::ids::{self, RecordId};
use super::rejection::{Call, Rejection};
use super::requests::Request;
use super::soql;
use crate::domain::failure::Failure;
use crate::targets::inspect::{FieldInfo, Reference};

impl Salesforce {
    pub(super) async fn referenced(
        &self,
        field: &FieldInfo,
        text: &str,
    ) -> Result<Reference, Failure> {
        if field.kind != "reference" {
            return Ok(Reference::NotLookedUp);
        }
        let Some(id) = RecordId::parse(text) else {
            let problem = "is no record id, which has 15 or 18 letters and digits";
            return Ok(Reference::Missing(format!("{text:?} {problem}")));
        };
        if field.name.eq_ignore_ascii_case("RecordTypeId") {
            return self.record_type(&id).await;
        }
        // The first characters of an id say what it is an id of.
        let (object, fields) = match text.get(..3) {
            Some("005") => ("User", "Id,Name,IsActive"),
            Some("00G") => ("Group", "Id,Name,Type"),
            Some("003") => ("Contact", "Id,Name"),
            Some("001") => ("Account", "Id,Name"),
            Some("500") => ("Case", "Id,CaseNumber"),
            _ => return Ok(Reference::NotLookedUp),
        };
        let query = soql::record(object, fields, &id);
        match self.api.rows(Request::query(Call::Ask, query)).await {
            Ok(rows) => Ok(judged(object, &id, rows.first())),
            Err(rejection) if is_hidden(&rejection) => Ok(Reference::Unreadable(object.to_owned())),
            Err(rejection) => Err(rejection.into()),
        }
    }

    /// The description of the object lists the record types, and which of them our user may use.
    async fn record_type(&self, id: &RecordId) -> Result<Reference, Failure> {
        let request = Request::describe(self.object.name());
        let described = self.api.object(&request).await?;
        let types = described.get("recordTypeInfos").and_then(Value::as_array);
        let is_it = |one: &&Value| {
            let known = one.get("recordTypeId").and_then(Value::as_str);
            known.is_some_and(|known| ids::are_same(known, id.as_str()))
        };
        let Some(found) = types.into_iter().flatten().find(is_it) else {
            let object = self.object.name();
            return Ok(Reference::Missing(format!(
                "{object} has no record type {id}"
            )));
        };
        let name = format!("the record type {:?}", text(found, "name"));
        let is = |flag: &str| found.get(flag).and_then(Value::as_bool) == Some(true);
        Ok(match (is("active"), is("available")) {
            (false, _) => Reference::Inactive(format!("{name} is not active")),
            (_, false) => Reference::Missing(format!("our user may not use {name}")),
            _ => Reference::Found(name),
        })
    }
}

fn judged(object: &str, id: &RecordId, row: Option<&Value>) -> Reference {
    let Some(row) = row else {
        return Reference::Missing(format!("there is no {object} {id} that our user may see"));
    };
    let name = match text(row, "Name") {
        "" => format!("the {object} {id}"),
        name => format!("the {object} {name:?}"),
    };
    let kind = text(row, "Type");
    if object == "Group" && kind != "Queue" {
        return Reference::Missing(format!("{name} is of the type {kind:?} and is no queue"));
    }
    if row.get("IsActive").and_then(Value::as_bool) == Some(false) {
        return Reference::Inactive(format!("{name} is not active"));
    }
    Reference::Found(name)
}

fn is_hidden(rejection: &Rejection) -> bool {
    let code = rejection.failure.code.as_deref().unwrap_or_default();
    code == "INVALID_TYPE" || code.starts_with("INSUFFICIENT_ACCESS")
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}
