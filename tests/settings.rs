//! The configuration as its users meet it: files and variables in, settings or problems out.

#[path = "settings/layering.rs"]
mod layering;
#[path = "settings/refusals.rs"]
mod refusals;
#[path = "settings/shipped.rs"]
mod shipped;
#[path = "settings/target_refusals.rs"]
mod target_refusals;
#[path = "settings/world.rs"]
mod world;
