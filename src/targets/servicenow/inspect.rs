//! What the instance says about itself: `sys_dictionary`, `sys_choice` and two properties;
//! the tables that it extends are read in `hierarchy`, rights and policies in `rules`.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::hierarchy::TableHierarchy;
use super::query::{Literal, Query};
use super::record::Record;
use super::requests::Request;
use super::{ServiceNow, record_id};
use crate::domain::failure::Failure;
use crate::targets::inspect::{
    ApiVersions, FieldDefault, FieldInfo, Inspect, Metadata, MetadataSources, Reference,
    UnlistedValues, Values,
};

/// Most rows of a description that are read; a table has some hundred columns.
pub(super) const MAX_ROWS: u16 = 10_000;
const COLUMNS: &str =
    "name,element,internal_type,max_length,mandatory,read_only,unique,active,default_value";
const CHOICES: &str = "name,element,value,inactive";
const CHOSEN_IDS: &str = "glide.rest.table_api.admin_only_sys_fields";
const FREE_CHOICES: &str = "glide.rest.choice.allow_non_existing_value";

const SOURCES: MetadataSources = MetadataSources {
    fields: "sys_dictionary and sys_choice",
    all_fields: "sys_dictionary and sys_db_object",
    chosen_ids: "sys_properties",
    chosen_ids_setting: CHOSEN_IDS,
    rules: "data policies",
};

#[async_trait]
impl Inspect for ServiceNow {
    async fn log_in(&self) -> Result<(), Failure> {
        self.api.login.credential().await.map(drop)
    }

    async fn api(&self) -> Result<ApiVersions, Failure> {
        let request = Request::rows(&self.table, None, "sys_id", 1);
        self.api.rows(&request).await?;
        let used = "v2".to_owned();
        Ok(ApiVersions {
            used,
            offered: Vec::new(),
        })
    }

    async fn metadata(&self) -> Result<Metadata, Failure> {
        let hierarchy = self.table_hierarchy().await?;
        let columns = self
            .described(&hierarchy, "sys_dictionary", COLUMNS)
            .await?;
        let choices = self.described(&hierarchy, "sys_choice", CHOICES).await?;
        let free = self.property(FREE_CHOICES).await?;
        let unlisted = match free.as_deref() {
            Some("true") => UnlistedValues::Stored,
            _ => UnlistedValues::Dropped,
        };
        let mut fields = fields(&hierarchy, &columns, &choices, unlisted);
        let rights = self.rights(&hierarchy).await?;
        for field in &mut fields {
            let may = |operation| !rights.is_refused(&field.name, operation);
            field.createable &= may("create");
            field.updateable &= may("write");
        }
        // Every table has a row of its own, besides those of its columns.
        let is_described = |table: &String| columns.iter().any(|row| row.text("name") == *table);
        Ok(Metadata {
            object: self.table.clone(),
            createable: rights.on_table("create"),
            updateable: rights.on_table("write"),
            fields: (!fields.is_empty()).then_some(fields),
            complete: hierarchy.is_complete && hierarchy.tables.iter().all(is_described),
            chosen_ids: self.property(CHOSEN_IDS).await?.map(|only| only != "true"),
            enforces_required: false,
            sources: SOURCES,
            rule_requirements: self.rule_requirements(&hierarchy).await?,
        })
    }

    async fn reference(&self, field: &FieldInfo, text: &str) -> Result<Reference, Failure> {
        self.referenced(field, text).await
    }

    async fn stored(
        &self,
        id: &str,
        fields: &[String],
    ) -> Result<BTreeMap<String, String>, Failure> {
        let request = Request::read(&self.table, &record_id(id)?, &fields.join(","));
        let record = self.api.record(&request).await?;
        let values = fields.iter().map(|name| (name, record.text(name)));
        Ok(values
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.clone(), value.into_owned()))
            .collect())
    }
}

impl ServiceNow {
    /// The rows of `description` about the tables; none when our user may not read them.
    async fn described(
        &self,
        hierarchy: &TableHierarchy,
        description: &str,
        columns: &str,
    ) -> Result<Vec<Record>, Failure> {
        let Some(query) = hierarchy.rows("name") else {
            return Ok(Vec::new());
        };
        let request = Request::rows(description, Some(&query), columns, MAX_ROWS);
        let rows = self.readable(&request).await?;
        // The instance ignores a condition that it does not understand.
        let is_ours = |row: &Record| hierarchy.distance(&row.text("name")).is_some();
        Ok(rows.into_iter().filter(is_ours).collect())
    }

    /// A system property; `None` when our user may not read it.
    async fn property(&self, name: &'static str) -> Result<Option<String>, Failure> {
        let Some(literal) = Literal::parse(name) else {
            return Ok(None);
        };
        let query = Query::equals("name", &literal);
        let request = Request::rows("sys_properties", Some(&query), "name,value", 10);
        let rows = self.readable(&request).await?;
        let row = rows.iter().find(|row| row.text("name") == name);
        Ok(row.map(|row| row.text("value").into_owned()))
    }

    /// The rows; none where the instance refuses them to our user.
    pub(super) async fn readable(&self, request: &Request) -> Result<Vec<Record>, Failure> {
        match self.api.rows(request).await {
            Ok(rows) => Ok(rows),
            Err(rejection) if rejection.is_unreadable() => Ok(Vec::new()),
            Err(rejection) => Err(rejection.failure),
        }
    }
}

/// The fields of the table. Its own description of a field replaces that of an extended table.
fn fields(
    hierarchy: &TableHierarchy,
    columns: &[Record],
    choices: &[Record],
    unlisted: UnlistedValues,
) -> Vec<FieldInfo> {
    let mut fields = BTreeMap::new();
    for of in hierarchy.tables.iter().rev() {
        let rows = columns.iter().filter(|row| row.text("name") == *of);
        for row in rows.filter(|row| row.text("active") != "false") {
            let name = row.text("element").into_owned();
            if !name.is_empty() {
                fields.insert(name, field(row));
            }
        }
    }
    let mut fields: Vec<FieldInfo> = fields.into_values().collect();
    for field in &mut fields {
        let active = choices_of(hierarchy, &field.name, choices);
        field.values = (!active.is_empty()).then_some(Values { active, unlisted });
    }
    fields
}

fn default_of(text: &str) -> FieldDefault {
    match text {
        "" => FieldDefault::Nothing,
        script if script.starts_with("javascript:") => FieldDefault::Computed,
        value => FieldDefault::Value(value.to_owned()),
    }
}

fn field(row: &Record) -> FieldInfo {
    let is = |name: &str| row.text(name) == "true";
    let writable = !is("read_only");
    let kind = row.text("internal_type").into_owned();
    let has_length = matches!(kind.as_str(), "string" | "translated_text" | "html");
    FieldInfo {
        name: row.text("element").into_owned(),
        length: row.text("max_length").parse().ok().filter(|_| has_length),
        kind,
        createable: writable,
        updateable: writable,
        default: default_of(&row.text("default_value")),
        required: is("mandatory"),
        // Absent where our user may not read that column of the description.
        unique: row.text("unique").parse().ok(),
        external_id: None,
        values: None,
    }
}

/// The choices of `field`: those of the nearest table that has any.
fn choices_of(hierarchy: &TableHierarchy, field: &str, choices: &[Record]) -> Vec<String> {
    let of = |owner: &String| -> Vec<String> {
        let rows = choices.iter().filter(|row| {
            row.text("name") == *owner
                && row.text("element") == field
                && row.text("inactive") != "true"
        });
        rows.map(|row| row.text("value").into_owned()).collect()
    };
    let mut found = hierarchy.tables.iter().map(of);
    found.find(|values| !values.is_empty()).unwrap_or_default()
}
