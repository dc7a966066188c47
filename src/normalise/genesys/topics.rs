//! The topics of messages, from the catalogue.

pub(super) use super::super::catalogue::{Content, Topic, find, id_in};
