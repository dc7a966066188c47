//! Whether a delivery is refused alone: something in front of the CRM that takes offence at
//! one ticket's text answers as if nobody might come in. Others of its kind that succeed
//! meanwhile prove that the target is well, and that this one is to be counted as failed.
//!
//! May import: `domain`.

use std::collections::HashMap;

use crate::domain::ticket::Operation;

/// Deliveries that are remembered at most; what is forgotten is only believed later.
const MOST: usize = 10_000;

/// Who was refused as everybody would be, and what has succeeded since.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    successes: HashMap<Operation, u64>,
    /// By delivery, the successes of its operation as of its last refusal.
    refused: HashMap<i64, u64>,
}

impl Refusals {
    /// The delivery `id` succeeded.
    pub(super) fn note_success(&mut self, id: i64, operation: Operation) {
        *self.successes.entry(operation).or_default() += 1;
        self.refused.remove(&id);
    }

    /// The delivery `id` was given up.
    pub(super) fn forget(&mut self, id: i64) {
        self.refused.remove(&id);
    }

    /// The delivery `id` was refused as everybody would be. Answers whether others of its
    /// operation have succeeded since it last was.
    pub(super) fn is_alone(&mut self, id: i64, operation: Operation) -> bool {
        if self.refused.len() >= MOST {
            self.refused.clear();
        }
        let successes = self.successes.get(&operation).copied().unwrap_or_default();
        let before = self.refused.insert(id, successes);
        before.is_some_and(|before| before < successes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{Create, Update};

    #[test]
    fn a_delivery_is_alone_when_others_like_it_succeed_between_two_refusals() {
        let mut refusals = Refusals::default();
        assert!(!refusals.is_alone(1, Create), "nobody knows yet");
        assert!(!refusals.is_alone(1, Create), "nothing succeeds");
        refusals.note_success(2, Update);
        assert!(!refusals.is_alone(1, Create), "only updates do");
        refusals.note_success(3, Create);
        assert!(refusals.is_alone(1, Create));
        assert!(!refusals.is_alone(1, Create), "and nothing since");
        refusals.note_success(4, Create);
        refusals.forget(1);
        assert!(!refusals.is_alone(1, Create), "it is another life of it");
    }
}
