//! What both test programs share.

pub(crate) mod conditions;
pub(crate) mod crm;
pub(crate) mod ports;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod world;
