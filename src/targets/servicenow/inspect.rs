//! What the instance says about itself: `sys_dictionary`, `sys_choice` and two properties;
//! what the table extends is read in `lineage`, rights and policies in `rules`.
//!
//! May import: `domain`, `targets::inspect`.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::lineage::Lineage;
use super::query::{Literal, Query};
use super::record::Record;
use super::requests::Request;
use super::{ServiceNow, record_id};
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::targets::inspect::{Api, FieldInfo, Inspect, Metadata, Others, Values};

/// Most rows of a description that are read; a table has some hundred columns.
pub(super) const MOST_ROWS: u16 = 10_000;
const COLUMNS: &str =
    "name,element,internal_type,max_length,mandatory,read_only,unique,active,default_value";
const CHOICES: &str = "name,element,value,inactive";
const CHOSEN_IDS: &str = "glide.rest.table_api.admin_only_sys_fields";
const FREE_CHOICES: &str = "glide.rest.choice.allow_non_existing_value";

#[async_trait]
impl Inspect for ServiceNow {
    async fn log_in(&self) -> Result<(), Failure> {
        self.wire.login.credential().await.map(drop)
    }

    async fn api(&self) -> Result<Api, Failure> {
        let request = Request::rows(&self.table, None, "sys_id", 1);
        self.wire.rows(&request).await?;
        let used = "v2".to_owned();
        Ok(Api {
            used,
            offered: Vec::new(),
        })
    }

    async fn metadata(&self) -> Result<Metadata, Failure> {
        let lineage = self.lineage().await?;
        let columns = self.described(&lineage, "sys_dictionary", COLUMNS).await?;
        let choices = self.described(&lineage, "sys_choice", CHOICES).await?;
        let free = self.property(FREE_CHOICES).await?;
        let others = match free.as_deref() {
            Some("true") => Others::Stored,
            _ => Others::Dropped,
        };
        let mut fields = fields(&lineage, &columns, &choices, others);
        let rights = self.rights(&lineage).await?;
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
            complete: lineage.is_whole && lineage.tables.iter().all(is_described),
            chosen_ids: self.property(CHOSEN_IDS).await?.map(|only| only != "true"),
            requires: false,
            demands: self.demands(&lineage).await?,
        })
    }

    async fn stored(
        &self,
        id: &str,
        fields: &[String],
    ) -> Result<BTreeMap<String, String>, Failure> {
        let request = Request::read(&self.table, &record_id(id)?, &fields.join(","));
        let record = self.wire.record(&request).await?;
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
        lineage: &Lineage,
        description: &str,
        columns: &str,
    ) -> Result<Vec<Record>, Failure> {
        let Some(query) = lineage.rows("name") else {
            return Ok(Vec::new());
        };
        let request = Request::rows(description, Some(&query), columns, MOST_ROWS);
        let rows = self.readable(&request).await?;
        // The instance ignores a condition that it does not understand.
        let is_ours = |row: &Record| lineage.distance(&row.text("name")).is_some();
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
        match self.wire.rows(request).await {
            Ok(rows) => Ok(rows),
            Err(rejection) => {
                let failure = Failure::from(rejection);
                let is_refused = failure.kind == FailureKind::IntegrationFailure
                    || (failure.status == Some(403) && failure.remedy != Remedy::HoldTarget);
                if is_refused {
                    Ok(Vec::new())
                } else {
                    Err(failure)
                }
            }
        }
    }
}

/// The fields of the table; its own description of one stands above that of what it extends.
fn fields(
    lineage: &Lineage,
    columns: &[Record],
    choices: &[Record],
    others: Others,
) -> Vec<FieldInfo> {
    let mut fields = BTreeMap::new();
    for of in lineage.tables.iter().rev() {
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
        let active = choices_of(lineage, &field.name, choices);
        field.values = (!active.is_empty()).then_some(Values { active, others });
    }
    fields
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
        default: row.text("default_value").into_owned(),
        required: is("mandatory"),
        // Absent where our user may not read that column of the description.
        unique: row.text("unique").parse().ok(),
        external_id: None,
        values: None,
    }
}

/// The choices of `field`: those of the nearest table that has any.
fn choices_of(lineage: &Lineage, field: &str, choices: &[Record]) -> Vec<String> {
    let of = |owner: &String| -> Vec<String> {
        let rows = choices.iter().filter(|row| {
            row.text("name") == *owner
                && row.text("element") == field
                && row.text("inactive") != "true"
        });
        rows.map(|row| row.text("value").into_owned()).collect()
    };
    let mut found = lineage.tables.iter().map(of);
    found.find(|values| !values.is_empty()).unwrap_or_default()
}
