//! Settings: read in layers, checked together, and given as final types.
//!
//! Each setting is declared once, in `sections`. From the declaration come its reading, its check,
//! the JSON Schema and the reference table ([`documents`]). [`Loader`] makes a [`Settings`], or
//! reports every problem; [`report`] writes either as text.
//!
//! Only this module, `cli`, `clock` and `fault_points` read the environment.

mod crm;
pub(crate) mod declare;
pub mod documents;
mod kinds;
mod layers;
mod literal;
mod loader;
mod misnamed;
mod problem;
mod read;
pub mod report;
mod secret;
mod sections;
mod shown_line;
mod source;
mod value;
mod variables;

pub use crm::{
    CrmProfile, CrmSetting, CrmSettings, InvalidValue, KeyField, LoginFlow, LoginProfile,
    SettingValues, check_api_name,
};
pub use loader::{Loaded, Loader};
pub use problem::{EffectiveValue, Level, LoadError, Mark, Place, Problem};
pub use secret::Secret;
pub use sections::auth::{AuthMethod, JwksLocation};
pub use sections::enrichment::EnrichmentSettings;
pub use sections::entities::EntitySettings;
pub use sections::login::TargetAuth;
pub use sections::maintenance::MaintenanceSettings;
pub use sections::outages::OutageSettings;
pub use sections::own_trouble::OwnTroubleSettings;
pub use sections::root::Settings;
pub use sections::rules::{OnRecovery, RuleSettings, SeverityLevels};
pub use sections::server::{
    AdminSettings, AdminToken, LogFormat, LogSettings, Role, ServerSettings,
};
pub use sections::sources::{RateLimit, SourceSettings};
pub use sections::store::StoreSettings;
pub use sections::targets::{
    FieldTemplate, FieldValue, OnTicketClosed, RetrySettings, SyncSettings, TargetLimit,
    TargetSettings,
};
pub use source::Sources;
