//! What both test programs share.

pub(crate) mod ports;
pub(crate) mod world;
