//! What one instance holds.

use super::access::Access;
use super::switches::Switches;
use super::tables::Tables;
use crate::message::Push;

/// Everything the instance knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) tables: Tables,
    pub(super) access: Access,
    pub(super) switches: Switches,
    /// Messages to the outside that have become due.
    pub(super) due: Vec<Push>,
}
