//! The objects and fields of the simulated organisation, as the integration user sees them.

use super::org::{PERSON_ID, QUEUE_ID, USER_ID};
use super::switches::{CustomField, Switches};

/// The objects that exist, spelt as Salesforce does.
const OBJECTS: [&str; 8] = [
    "Case",
    "Incident",
    "CaseComment",
    "FeedItem",
    "CaseStatus",
    "User",
    "Group",
    "Organization",
];

/// Custom text fields that every ticket has, besides the external ids.
const CUSTOM: [&str; 4] = ["Source__c", "Queue__c", "Site__c", "Ringdown_Url__c"];

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Id,
    /// Text of so many characters, in UTF-16 units.
    Text(usize),
    /// Long text of so many characters.
    Area(usize),
    /// Long text of so many bytes.
    Bytes(usize),
    /// One of these, or anything when picklists are not restricted.
    Picklist(Vec<String>),
    Boolean,
    DateTime,
    Number,
    Reference(&'static str),
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) createable: bool,
    pub(super) updateable: bool,
    pub(super) external_id: bool,
    pub(super) nillable: bool,
    pub(super) defaulted: bool,
}

impl Field {
    fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            createable: true,
            updateable: true,
            external_id: false,
            nillable: true,
            defaulted: false,
        }
    }

    /// Set by the server alone.
    fn system(name: &str, kind: Kind) -> Self {
        let field = Self::new(name, kind);
        Self {
            createable: false,
            updateable: false,
            nillable: false,
            defaulted: true,
            ..field
        }
    }

    /// Can be set at creation and never again.
    fn once(name: &str, kind: Kind) -> Self {
        Self {
            updateable: false,
            ..Self::new(name, kind)
        }
    }

    fn picklist(name: &str, values: &[&str]) -> Self {
        Self::new(
            name,
            Kind::Picklist(values.iter().map(|one| (*one).to_owned()).collect()),
        )
    }

    fn external(name: &str, length: usize) -> Self {
        Self {
            external_id: true,
            ..Self::new(name, Kind::Text(length))
        }
    }
}

/// Whether the object is a ticket: Case or Incident.
pub(super) fn is_ticket(object: &str) -> bool {
    matches!(object, "Case" | "Incident")
}

/// The object's own spelling, when it exists and is licensed. Letter case does not matter.
pub(super) fn object(name: &str, switches: &Switches) -> Option<&'static str> {
    OBJECTS
        .into_iter()
        .find(|object| object.eq_ignore_ascii_case(name))
        .filter(|object| *object != "Incident" || switches.incident_object)
}

pub(super) fn objects(switches: &Switches) -> Vec<&'static str> {
    OBJECTS
        .into_iter()
        .filter(|name| object(name, switches).is_some())
        .collect()
}

/// The first characters of an object's ids.
pub(super) fn key_prefix(object: &str) -> &'static str {
    match object {
        "Case" => "500",
        "Incident" => "0kV",
        "CaseComment" => "00a",
        "FeedItem" => "0D5",
        "User" => "005",
        "Group" => "00G",
        "Organization" => "00D",
        _ => "01J",
    }
}

/// The fields the integration user can see.
pub(super) fn fields(object: &str, switches: &Switches) -> Vec<Field> {
    let mut fields = vec![Field::system("Id", Kind::Id)];
    fields.extend(match object {
        "Case" => case_fields(switches),
        "Incident" => incident_fields(),
        "CaseComment" => comment_fields(),
        "FeedItem" => feed_fields(),
        "CaseStatus" => case_status_fields(),
        "User" => user_fields(),
        "Group" => group_fields(),
        _ => organization_fields(),
    });
    if is_ticket(object) {
        let length = switches.external_id_length;
        let external = switches.external_id_fields.iter();
        fields.extend(external.map(|name| Field::external(name, length)));
        fields.extend(CUSTOM.map(|name| Field::new(name, Kind::Text(255))));
        fields.extend(switches.custom_fields.iter().map(custom));
        for field in &mut fields {
            field.nillable &= !contains(&switches.required_fields, &field.name);
            if contains(&switches.read_only_fields, &field.name) {
                (field.createable, field.updateable) = (false, false);
            }
        }
    }
    if !matches!(object, "CaseStatus" | "User" | "Group" | "Organization") {
        fields.extend(audit_fields());
    }
    fields.retain(|field| !contains(&switches.hidden_fields, &field.name));
    fields
}

/// `Owner.Name` and the like, in its own spelling, where the object refers to such a record.
pub(super) fn name_of_relation(name: &str, known: &[Field]) -> Option<String> {
    let (relation, field) = name.split_once('.')?;
    let id = format!("{relation}Id");
    let known = known
        .iter()
        .find(|one| one.name.eq_ignore_ascii_case(&id))?;
    let relation = known.name.strip_suffix("Id")?;
    let is_reference = matches!(known.kind, Kind::Reference(_));
    (is_reference && field.eq_ignore_ascii_case("Name")).then(|| format!("{relation}.Name"))
}

/// What people see of a user or queue.
pub(super) fn name_of(id: &str) -> &str {
    match id {
        USER_ID => "Ringdown Integration",
        PERSON_ID => "Ada Agent",
        QUEUE_ID => "Telephony Queue",
        other => other,
    }
}

fn custom(field: &CustomField) -> Field {
    Field::new(&field.name, Kind::Text(field.length))
}

fn contains(names: &[String], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

fn case_fields(switches: &Switches) -> Vec<Field> {
    let statuses = switches
        .case_statuses
        .iter()
        .map(|status| status.name.clone())
        .collect();
    vec![
        Field::system("CaseNumber", Kind::Text(30)),
        Field::new("RecordTypeId", Kind::Reference("RecordType")),
        Field::new("ContactId", Kind::Reference("Contact")),
        Field::new("AccountId", Kind::Reference("Account")),
        Field::new("ParentId", Kind::Reference("Case")),
        Field {
            nillable: true,
            ..Field::system("MasterRecordId", Kind::Reference("Case"))
        },
        Field::once("SuppliedName", Kind::Text(80)),
        Field::once("SuppliedEmail", Kind::Text(80)),
        Field::once("SuppliedPhone", Kind::Text(40)),
        Field::once("SuppliedCompany", Kind::Text(80)),
        Field::picklist(
            "Type",
            &[
                "Mechanical",
                "Electrical",
                "Electronic",
                "Structural",
                "Other",
            ],
        ),
        Field::new("Status", Kind::Picklist(statuses)),
        Field::picklist(
            "Reason",
            &["Installation", "Performance", "Breakdown", "Other"],
        ),
        Field::picklist("Origin", &["Phone", "Email", "Web"]),
        Field::new("Subject", Kind::Text(255)),
        Field::picklist("Priority", &["High", "Medium", "Low"]),
        Field::new("Description", Kind::Area(32_000)),
        Field::new("Comments", Kind::Area(4_000)),
        Field::system("IsClosed", Kind::Boolean),
        Field {
            nillable: true,
            ..Field::system("ClosedDate", Kind::DateTime)
        },
        Field {
            nillable: false,
            defaulted: true,
            ..Field::new("IsEscalated", Kind::Boolean)
        },
    ]
}

fn incident_fields() -> Vec<Field> {
    let statuses = [
        "New",
        "Open",
        "In Progress",
        "Problem Created",
        "Resolved",
        "Completed",
    ];
    let subject = Field::new("Subject", Kind::Text(255));
    vec![
        Field::system("IncidentNumber", Kind::Text(30)),
        Field::new("RecordTypeId", Kind::Reference("RecordType")),
        Field {
            nillable: false,
            ..subject
        },
        Field::new("Description", Kind::Area(32_000)),
        Field::picklist("Status", &statuses),
        Field::picklist("Priority", &["Critical", "High", "Moderate", "Low"]),
        Field::picklist("Impact", &["High", "Medium", "Low"]),
        Field::picklist("Urgency", &["High", "Medium", "Low"]),
        Field::picklist("Category", &["Hardware", "Software", "Network"]),
        Field::picklist("ReportedMethod", &["Phone", "Email", "Web"]),
        Field::new("ParentIncidentId", Kind::Reference("Incident")),
        Field::new("DetectedDateTime", Kind::DateTime),
        Field::new("StartDateTime", Kind::DateTime),
        Field::new("EndDateTime", Kind::DateTime),
        Field::new("ResolutionDateTime", Kind::DateTime),
        Field::new("ResolutionSummary", Kind::Area(32_000)),
        Field {
            nillable: false,
            defaulted: true,
            ..Field::new("IsMajorIncident", Kind::Boolean)
        },
        Field::system("IsClosed", Kind::Boolean),
    ]
}

fn comment_fields() -> Vec<Field> {
    vec![
        Field {
            nillable: false,
            ..Field::once("ParentId", Kind::Reference("Case"))
        },
        Field::new("CommentBody", Kind::Bytes(4_000)),
        Field {
            nillable: false,
            defaulted: true,
            ..Field::new("IsPublished", Kind::Boolean)
        },
    ]
}

fn feed_fields() -> Vec<Field> {
    vec![
        Field {
            nillable: false,
            ..Field::once("ParentId", Kind::Reference("Case"))
        },
        Field::new("Body", Kind::Area(10_000)),
        Field::picklist("Type", &["TextPost"]),
    ]
}

fn case_status_fields() -> Vec<Field> {
    vec![
        Field::system("ApiName", Kind::Text(255)),
        Field::system("MasterLabel", Kind::Text(255)),
        Field::system("IsClosed", Kind::Boolean),
        Field::system("IsDefault", Kind::Boolean),
        Field::system("SortOrder", Kind::Number),
    ]
}

fn user_fields() -> Vec<Field> {
    vec![
        Field::system("Username", Kind::Text(80)),
        Field::system("Name", Kind::Text(121)),
        Field::system("Email", Kind::Text(128)),
        Field::system("IsActive", Kind::Boolean),
    ]
}

fn group_fields() -> Vec<Field> {
    vec![
        Field::system("Name", Kind::Text(40)),
        Field::system("DeveloperName", Kind::Text(80)),
        Field::system("Type", Kind::Text(40)),
    ]
}

fn organization_fields() -> Vec<Field> {
    vec![
        Field::system("Name", Kind::Text(80)),
        Field::system("IsSandbox", Kind::Boolean),
        Field::system("InstanceName", Kind::Text(5)),
    ]
}

fn audit_fields() -> Vec<Field> {
    let owner = Field::new("OwnerId", Kind::Reference("User"));
    vec![
        Field {
            nillable: false,
            defaulted: true,
            ..owner
        },
        Field::system("IsDeleted", Kind::Boolean),
        Field::system("CreatedDate", Kind::DateTime),
        Field::system("CreatedById", Kind::Reference("User")),
        Field::system("LastModifiedDate", Kind::DateTime),
        Field::system("LastModifiedById", Kind::Reference("User")),
        Field::system("SystemModstamp", Kind::DateTime),
    ]
}
