//! Finds poison messages: deliveries that are refused as if the whole target were closed.
//!
//! A filter in front of the CRM may reject the text of one ticket with the answer that it gives to
//! a wrong login. When other deliveries of the same operation succeed meanwhile, the target is
//! well, and only this delivery has failed.

use std::collections::HashMap;

use crate::domain::ticket::Operation;

/// Deliveries that are remembered. When more are refused, all are forgotten: a poison message is
/// then found later.
const MAX_REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct PoisonDetector {
    /// Number of successes by operation.
    successes: HashMap<Operation, u64>,
    /// By delivery: the number of successes of its operation at its last refusal.
    refused: HashMap<i64, u64>,
}

impl PoisonDetector {
    pub(super) fn record_success(&mut self, id: i64, operation: Operation) {
        *self.successes.entry(operation).or_default() += 1;
        self.refused.remove(&id);
    }

    /// The delivery `id` is a dead letter now.
    pub(super) fn forget(&mut self, id: i64) {
        self.refused.remove(&id);
    }

    /// Records a refusal that would hold the whole target. Returns whether the delivery `id` is a
    /// poison message: others of its operation have succeeded since its last refusal.
    pub(super) fn is_poison(&mut self, id: i64, operation: Operation) -> bool {
        if self.refused.len() >= MAX_REMEMBERED {
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
    fn a_delivery_is_poison_when_others_like_it_succeed_between_two_refusals() {
        let mut detector = PoisonDetector::default();
        assert!(!detector.is_poison(1, Create), "nobody knows yet");
        assert!(!detector.is_poison(1, Create), "nothing succeeds");
        detector.record_success(2, Update);
        assert!(!detector.is_poison(1, Create), "only updates do");
        detector.record_success(3, Create);
        assert!(detector.is_poison(1, Create));
        assert!(!detector.is_poison(1, Create), "and nothing since");
        detector.record_success(4, Create);
        detector.forget(1);
        assert!(!detector.is_poison(1, Create), "it was forgotten");
    }
}
