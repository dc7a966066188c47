//! What the org says about itself: versions, and the description of the ticket's object.
//!
//! The description is filtered by what our user may see, so a field that is missing in it does not
//! exist or is hidden.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use super::rejection::Call;
use super::requests::Request;
use super::{Salesforce, record_id};
use crate::domain::failure::Failure;
use crate::targets::inspect::{
    ApiVersions, FieldDefault, FieldInfo, Inspect, Metadata, MetadataSources, Permission,
    Reference, UnlistedValues, Values,
};

#[async_trait]
impl Inspect for Salesforce {
    async fn log_in(&self) -> Result<(), Failure> {
        self.api.login.credential().await.map(drop)
    }

    async fn api(&self) -> Result<ApiVersions, Failure> {
        let offered = self.api.versions().await?;
        let used = self.api.version().to_owned();
        // A version that is not offered has no resources to ask for.
        if offered.contains(&used) {
            self.api.object(&Request::resources()).await?;
        }
        Ok(ApiVersions { used, offered })
    }

    async fn several_at_once(&self) -> Option<Result<(), Failure>> {
        let query = format!("SELECT Id FROM {} LIMIT 1", self.object.name());
        let query = Request::query(Call::Ask, query);
        let passed = self.api.ask_together(&[query.clone(), query]).await;
        Some(passed.map_err(Failure::from))
    }

    async fn metadata(&self) -> Result<Metadata, Failure> {
        let request = Request::describe(self.object.name());
        Ok(metadata(&self.api.object(&request).await?))
    }

    async fn reference(&self, field: &FieldInfo, text: &str) -> Result<Reference, Failure> {
        self.referenced(field, text).await
    }

    async fn stored(
        &self,
        id: &str,
        fields: &[String],
    ) -> Result<BTreeMap<String, String>, Failure> {
        let request = Request::read(self.object.name(), &record_id(id)?, fields);
        let record = self.api.object(&request).await?;
        let held = |name: &String| {
            let mut all = record.as_object()?.iter();
            all.find_map(|(field, value)| field.eq_ignore_ascii_case(name).then_some(value))
        };
        let value = |name: &String| match held(name)? {
            Value::Null => None,
            Value::String(text) => Some((name.clone(), text.clone())),
            other => Some((name.clone(), other.to_string())),
        };
        Ok(fields.iter().filter_map(value).collect())
    }
}

/// The answer of `describe` as plain data.
fn metadata(described: &Value) -> Metadata {
    let fields = described.get("fields").and_then(Value::as_array);
    Metadata {
        object: text(described, "name"),
        createable: right(described, "createable"),
        updateable: right(described, "updateable"),
        fields: fields.map(|fields| fields.iter().map(field).collect()),
        complete: true,
        chosen_ids: None,
        enforces_required: true,
        rule_requirements: Some(Vec::new()),
        sources: MetadataSources {
            fields: "the object",
            all_fields: "the object",
            ..MetadataSources::default()
        },
    }
}

fn right(described: &Value, name: &str) -> Permission {
    if flag(described, name) {
        Permission::Granted
    } else {
        Permission::Denied("its description says so".to_owned())
    }
}

fn field(described: &Value) -> FieldInfo {
    let length = described.get("length").and_then(Value::as_u64);
    let createable = flag(described, "createable");
    let is_defaulted = flag(described, "defaultedOnCreate");
    FieldInfo {
        name: text(described, "name"),
        kind: text(described, "type"),
        length: length
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length > 0),
        createable,
        updateable: flag(described, "updateable"),
        // Salesforce shows defaults only as a flag, which `required` takes into account.
        default: FieldDefault::Nothing,
        required: createable && !flag(described, "nillable") && !is_defaulted,
        unique: Some(flag(described, "unique")),
        external_id: Some(flag(described, "externalId")),
        values: values(described),
    }
}

fn values(described: &Value) -> Option<Values> {
    if text(described, "type") != "picklist" {
        return None;
    }
    let listed = described.get("picklistValues")?.as_array()?;
    Some(Values {
        active: listed
            .iter()
            .filter(|value| flag(value, "active"))
            .map(|value| text(value, "value"))
            .collect(),
        unlisted: if flag(described, "restrictedPicklist") {
            UnlistedValues::Refused
        } else {
            UnlistedValues::Stored
        },
    })
}

fn text(object: &Value, name: &str) -> String {
    let text = object.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn flag(object: &Value, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}
