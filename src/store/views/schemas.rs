//! The schemas of values that are shown in another form than they are kept in. Those of other
//! types are derived.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::incidents::{ShownWaits, WaitsView};
use super::page::Cursor;
use super::values::{DisplayTime, Document, RowId, ShownFailure, StoredFailure};
use crate::domain::identity::{IncidentId, TargetName};

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

macro_rules! shown_as {
    ($($shown:ty => $schema:expr;)+) => {
        $(
            impl PartialSchema for $shown {
                fn schema() -> RefOr<Schema> {
                    $schema.into()
                }
            }

            impl ToSchema for $shown {}
        )+
    };
}

shown_as! {
    RowId => text("The number of an item. Clients treat it as any text.").pattern(Some("^-?[0-9]+$"));
    IncidentId => text("The id of an incident, a UUID.");
    TargetName => text("The name of a configured target.");
    Cursor => text("Where the next page begins, for the parameter `cursor`.");
    DisplayTime => text("A time in UTC with milliseconds.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(r"^[-+]?[0-9]+-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$"));
    Document => ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some("Any JSON, as it came; a text when it was no JSON."));
    StoredFailure => ShownFailure::schema();
    WaitsView => ShownWaits::schema();
}
