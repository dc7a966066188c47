//! The last question before a request leaves: is it still ours to send?
//!
//! A replica can be stopped for longer than its claim lasts, at any point of an attempt, and
//! go on while another one has already made the ticket. So the question is asked where the
//! request is handed to the network, and travels there with the task, past every client.

use std::sync::Arc;

use crate::domain::failure::{Failure, FailureKind, Remedy};

type Permit = Arc<dyn Fn() -> bool + Send + Sync>;

tokio::task_local! {
    static PERMIT: Permit;
}

/// Runs `work`; every request in it is sent only while `may_send` answers yes.
pub async fn only_while<T>(
    may_send: impl Fn() -> bool + Send + Sync + 'static,
    work: impl Future<Output = T>,
) -> T {
    PERMIT.scope(Arc::new(may_send), work).await
}

/// Asks whether a request may be sent now. Outside of [`only_while`] every one may.
pub(super) fn ask() -> Result<(), Failure> {
    if PERMIT.try_with(|may_send| may_send()).unwrap_or(true) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::NetworkFailure,
        Remedy::Retry,
        "the claim on this delivery may have run out; nothing was sent",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_sent_once_the_permit_is_gone() {
        assert!(ask().is_ok());
        assert!(only_while(|| true, async { ask() }).await.is_ok());
        let refused = only_while(|| false, async { ask() }).await.unwrap_err();
        assert!(!refused.outcome_unknown);
    }
}
