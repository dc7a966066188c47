//! Paths, queries and bodies. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::cut::{cut, cut_bytes};
use crate::domain::ticket::{TicketFields, TicketKey};

/// What needs no escaping in a path segment: RFC 3986's unreserved, less the dot, after which
/// Salesforce expects a format.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
/// Longest subject, in UTF-16 units.
const SUBJECT_LENGTH: usize = 255;
/// Longest description, in UTF-16 units.
const DESCRIPTION_LENGTH: usize = 32_000;
/// Longest body of a case comment, in bytes.
const COMMENT_BYTES: usize = 4000;

/// The kind of record that tickets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Case,
    Incident,
}

impl Object {
    pub(super) fn named(name: &str) -> Self {
        if name.eq_ignore_ascii_case("Incident") {
            Self::Incident
        } else {
            Self::Case
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Case => "Case",
            Self::Incident => "Incident",
        }
    }

    pub(super) const fn number_field(self) -> &'static str {
        match self {
            Self::Case => "CaseNumber",
            Self::Incident => "IncidentNumber",
        }
    }

    pub(super) const fn parent_field(self) -> &'static str {
        match self {
            Self::Case => "ParentId",
            Self::Incident => "ParentIncidentId",
        }
    }

    /// What is read of a ticket. An Incident has no assured `IsClosed`.
    pub(super) const fn read_fields(self) -> &'static str {
        match self {
            Self::Case => "Id,CaseNumber,Status,IsClosed",
            Self::Incident => "Id,IncidentNumber,Status",
        }
    }

    /// The object that comments are, with the names of its text.
    pub(super) const fn comment(self) -> (&'static str, &'static str) {
        match self {
            Self::Case => ("CaseComment", "CommentBody"),
            Self::Incident => ("FeedItem", "Body"),
        }
    }
}

/// Paths of one API version and object.
pub(super) struct Paths {
    root: String,
    pub(super) object: Object,
}

impl Paths {
    pub(super) fn new(api_version: &str, object: Object) -> Self {
        Self {
            root: format!("/services/data/{api_version}"),
            object,
        }
    }

    pub(super) fn root(&self) -> String {
        format!("{}/", self.root)
    }

    pub(super) fn query(&self) -> String {
        format!("{}/query", self.root)
    }

    pub(super) fn records(&self) -> String {
        self.of_object(self.object.name())
    }

    pub(super) fn of_object(&self, object: &str) -> String {
        format!("{}/sobjects/{object}", self.root)
    }

    pub(super) fn record(&self, id: &str) -> String {
        format!("{}/{}", self.records(), escaped(id))
    }

    pub(super) fn by_external_id(&self, field: &str, key: &TicketKey) -> String {
        format!("{}/{field}/{}", self.records(), escaped(key.as_str()))
    }

    pub(super) fn find_by_subject(&self, key: &TicketKey) -> String {
        format!(
            "SELECT {},Subject FROM {} WHERE Subject LIKE '%{}' ORDER BY CreatedDate LIMIT 20",
            self.object.read_fields(),
            self.object.name(),
            soql_text(&subject_mark(key))
        )
    }

    pub(super) fn find_comments(&self, ticket_id: &str) -> String {
        let (object, text) = self.object.comment();
        format!(
            "SELECT Id,{text} FROM {object} WHERE ParentId = '{}' ORDER BY CreatedDate DESC LIMIT 200",
            soql_text(ticket_id)
        )
    }
}

fn escaped(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

/// `text` for the inside of a SOQL literal.
fn soql_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

/// How our key stands in a subject.
pub(super) fn subject_mark(key: &TicketKey) -> String {
    format!("[{key}]")
}

/// Appends our key to the subject, which is shortened to make room.
pub(super) fn put_key_into_subject(body: &mut TicketFields, key: &TicketKey) {
    let mark = subject_mark(key);
    let subject = body
        .get("Subject")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let room = SUBJECT_LENGTH - mark.len() - 1;
    let subject = format!("{} {mark}", cut(subject, room));
    body.insert("Subject".to_owned(), subject.trim_start().into());
}

/// The body of a create: the fields without those that Salesforce refuses there.
pub(super) fn create_body(fields: &TicketFields, refused: &[&str]) -> TicketFields {
    let mut body = update_body(fields);
    body.retain(|name, _| name != "Id" && !refused.contains(&name.as_str()));
    body
}

/// The fields, with texts cut to what their fields hold: a text too long is an error there.
pub(super) fn update_body(fields: &TicketFields) -> TicketFields {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), fitting(name, value)))
        .collect()
}

fn fitting(name: &str, value: &Value) -> Value {
    let length = match name {
        "Subject" => SUBJECT_LENGTH,
        "Description" => DESCRIPTION_LENGTH,
        _ => return value.clone(),
    };
    match value {
        Value::String(text) => cut(text, length).into(),
        other => other.clone(),
    }
}

/// The body of a comment on `ticket_id`; internal, never published to customers.
pub(super) fn comment_body(object: Object, ticket_id: &str, comment: &str) -> Value {
    let (_, text) = object.comment();
    let mut body = TicketFields::new();
    body.insert("ParentId".to_owned(), ticket_id.into());
    body.insert(text.to_owned(), cut_bytes(comment, COMMENT_BYTES).into());
    if object == Object::Case {
        body.insert("IsPublished".to_owned(), false.into());
    }
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TicketKey {
        TicketKey::of_incident("0195aa")
    }

    #[test]
    fn the_external_id_stands_in_the_path_and_never_in_the_body() {
        let paths = Paths::new("v64.0", Object::Case);
        assert_eq!(
            paths.by_external_id("Ringdown_Id__c", &key()),
            "/services/data/v64.0/sobjects/Case/Ringdown_Id__c/rd-0195aa"
        );
        let mut fields = TicketFields::new();
        fields.insert("Subject".into(), "x".into());
        fields.insert("Id".into(), "500".into());
        fields.insert("Ringdown_Id__c".into(), "y".into());
        let body = create_body(&fields, &["Ringdown_Id__c"]);
        assert_eq!(body.keys().collect::<Vec<_>>(), ["Subject"]);
    }

    #[test]
    fn a_long_subject_makes_room_for_the_key() {
        let mut body = TicketFields::new();
        body.insert("Subject".into(), "x".repeat(300).into());
        put_key_into_subject(&mut body, &key());
        let subject = body["Subject"].as_str().unwrap();
        assert!(subject.ends_with(" [rd-0195aa]") && subject.chars().count() <= 255);
    }

    #[test]
    fn quotes_cannot_leave_a_literal() {
        assert_eq!(soql_text(r"a' OR 'b\"), r"a\' OR \'b\\");
    }
}
