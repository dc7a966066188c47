//! `[entities]`: how long, and of how many things, the state is kept.

use std::time::Duration;

use crate::settings::declare::section;
use crate::settings::kinds::{positive_duration, whole};

section! {
    /// `[entities]`: the states of queues, trunks, Edges and other things.
    #[derive(Copy, PartialEq, Eq)]
    pub struct EntitySettings {
        /// the state of an entity that is not heard of for so long is forgotten
        forget_after: Duration = positive_duration().default("7d"),
        /// states that are kept of one source; of further entities each message is evaluated
        /// alone, and a warning is logged
        max_per_source: u32 = whole(1, 10_000_000).default(100_000_i64),
    }
}
