//! The org's records: rows of fields, by object.

use serde_json::{Map, Value, json};

/// A record: its object and its fields.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) object: String,
    pub(super) fields: Map<String, Value>,
    pub(super) deleted: bool,
}

impl Record {
    pub(super) fn id(&self) -> &str {
        self.text("Id")
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Every record, oldest first.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) rows: Vec<Record>,
    numbered: u64,
}

/// Objects that are tickets.
const TICKETS: [&str; 2] = ["Case", "Incident"];

fn prefix_of(object: &str) -> &'static str {
    match object {
        "Case" => "500",
        "Incident" => "0kV",
        "CaseComment" => "00a",
        "FeedItem" => "0D5",
        _ => "a00",
    }
}

/// Whether two ids name one record: 15 and 18 characters compare by the first 15.
fn same_id(left: &str, right: &str) -> bool {
    left.len() >= 15 && right.len() >= 15 && left.get(..15) == right.get(..15)
}

fn timestamp() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S.%3f+0000")
        .to_string()
}

impl Records {
    /// Adds a record; answers its id.
    pub(super) fn insert(&mut self, object: &str, fields: Map<String, Value>) -> String {
        self.numbered += 1;
        let id = format!("{}{:012}AAA", prefix_of(object), self.numbered);
        let now = timestamp();
        let mut row = Map::new();
        row.insert("Id".into(), json!(id));
        if TICKETS.contains(&object) {
            row.insert("Status".into(), json!("New"));
            row.insert("Priority".into(), json!("Medium"));
            let number = format!("{:08}", 1000 + self.numbered);
            row.insert(format!("{object}Number"), json!(number));
        }
        row.insert("CreatedDate".into(), json!(now));
        row.extend(fields);
        let mut record = Record {
            object: object.to_owned(),
            fields: row,
            deleted: false,
        };
        refresh(&mut record);
        self.rows.push(record);
        id
    }

    /// The record of `object` with `id`, also a deleted one.
    pub(super) fn get_mut(&mut self, object: &str, id: &str) -> Option<&mut Record> {
        self.rows
            .iter_mut()
            .find(|row| row.object == object && same_id(row.id(), id))
    }

    /// Live records of `object` whose `field` is `value`, whatever its case.
    pub(super) fn with(&self, object: &str, field: &str, value: &str) -> Vec<&Record> {
        self.rows
            .iter()
            .filter(|row| {
                row.object == object
                    && !row.deleted
                    && row.text(field).eq_ignore_ascii_case(value)
                    && !value.is_empty()
            })
            .collect()
    }

    /// Sets fields, as any write does.
    pub(super) fn update(&mut self, object: &str, id: &str, fields: Map<String, Value>) {
        if let Some(record) = self.get_mut(object, id) {
            record.fields.extend(fields);
            refresh(record);
        }
    }

    /// Every ticket with its number of comments.
    pub(super) fn tickets(&self) -> Vec<Value> {
        self.rows
            .iter()
            .filter(|row| TICKETS.contains(&row.object.as_str()) && !row.deleted)
            .map(|row| {
                let mut ticket = row.fields.clone();
                let comments: Vec<&Value> = self
                    .rows
                    .iter()
                    .filter(|comment| same_id(comment.text("ParentId"), row.id()))
                    .filter_map(|comment| {
                        comment
                            .fields
                            .get("CommentBody")
                            .or(comment.fields.get("Body"))
                    })
                    .collect();
                ticket.insert("CommentCount".into(), json!(comments.len()));
                ticket.insert("CommentList".into(), json!(comments));
                Value::Object(ticket)
            })
            .collect()
    }

    /// A person's change, by id or number.
    pub(super) fn edit(&mut self, id: &str, fields: &Value) -> bool {
        let found = self.rows.iter_mut().find(|row| {
            TICKETS.contains(&row.object.as_str())
                && (same_id(row.id(), id)
                    || row.text("CaseNumber") == id
                    || row.text("IncidentNumber") == id)
        });
        match (found, fields.as_object()) {
            (Some(record), Some(fields)) => {
                record.fields.extend(fields.clone());
                refresh(record);
                true
            }
            _ => false,
        }
    }
}

/// What the server keeps up to date at every write.
fn refresh(record: &mut Record) {
    let now = timestamp();
    record.fields.insert("LastModifiedDate".into(), json!(now));
    record.fields.insert("SystemModstamp".into(), json!(now));
    if TICKETS.contains(&record.object.as_str()) {
        let closed = matches!(record.text("Status"), "Closed" | "Resolved" | "Completed");
        record.fields.insert("IsClosed".into(), json!(closed));
    }
}
