//! The last question before a request leaves: is the delivery still ours?
//!
//! A replica can be stopped for longer than its claim lasts, at any point of an attempt, and
//! go on while another one has already made the ticket. So the claim is checked directly before
//! the request is sent.

use std::fmt;
use std::sync::Arc;

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};

/// Answers whether a request may be sent now. The default allows every request.
#[derive(Clone, Default)]
pub struct ClaimCheck(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl ClaimCheck {
    /// Allows a request while `is_ours` answers yes.
    pub fn new(is_ours: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_ours)))
    }

    pub fn is_ours(&self) -> bool {
        self.0.as_ref().is_none_or(|is_ours| is_ours())
    }

    /// A failure that is not in doubt, when the claim may have run out.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.is_ours() {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            "the claim on this delivery may have run out; nothing was sent",
        ))
    }
}

impl fmt::Debug for ClaimCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClaimCheck")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_once_the_claim_is_gone() {
        assert!(ClaimCheck::default().check().is_ok());
        assert!(ClaimCheck::new(|| true).check().is_ok());
        let refused = ClaimCheck::new(|| false).check().unwrap_err();
        assert!(!refused.outcome_unknown);
    }
}
