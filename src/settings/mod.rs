//! Settings: read in layers, checked whole, and handed on as final types.
//!
//! Whoever holds a [`Settings`] holds checked values: URLs parse, durations are durations,
//! expressions and templates are compiled, every rule's target exists. [`Loader`] makes one, or
//! says everything that is wrong; [`report`] puts either into words.
//!
//! May import: `domain`, `normalise` (formats of sources), `rules` (expressions, templates).
//! Must not know: the store, HTTP, CRM clients. Only this module and `cli` read the environment.

mod crm;
mod layers;
mod loader;
mod model;
mod problem;
mod read;
pub mod report;
mod routing;
mod secret;
mod target_model;
mod variables;

pub use crm::{
    CrmProfile, CrmSetting, CrmSettings, InvalidValue, KeyField, LoginFlow, LoginProfile,
    SettingValues, check_api_name,
};
pub use loader::{Loaded, Loader};
pub use model::*;
pub use problem::{EffectiveValue, LoadError, Problem, Warning};
pub use routing::{Route, Routed, Routing, RoutingError};
pub use secret::Secret;
pub use target_model::*;
