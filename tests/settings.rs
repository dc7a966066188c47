//! The configuration as its users meet it: files and variables in, settings or problems out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "settings/access_refusals.rs"]
mod access_refusals;
#[path = "settings/documents.rs"]
mod documents;
#[path = "settings/extras_refusals.rs"]
mod extras_refusals;
#[path = "settings/layering.rs"]
mod layering;
#[path = "settings/limits.rs"]
mod limits;
#[path = "settings/maintenance.rs"]
mod maintenance;
#[path = "settings/mapping.rs"]
mod mapping;
#[path = "settings/refusals.rs"]
mod refusals;
#[path = "settings/routing.rs"]
mod routing;
#[path = "settings/sanity.rs"]
mod sanity;
#[path = "settings/shipped.rs"]
mod shipped;
#[path = "settings/target_refusals.rs"]
mod target_refusals;
#[path = "settings/value_refusals.rs"]
mod value_refusals;
#[path = "settings/world.rs"]
mod world;
