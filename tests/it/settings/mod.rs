//! The configuration as its users meet it: files and variables in, settings or problems out.

mod access_refusals;
mod documents;
mod extras_refusals;
mod keys;
mod layering;
mod limits;
mod maintenance;
mod mapping;
mod refusals;
mod routing;
mod sanity;
mod shipped;
mod target_refusals;
mod value_refusals;
mod world;
