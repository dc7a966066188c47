//! The claims of one worker. They are renewed while attempts run. A claim is valid only while this
//! process can prove by its own clock that no other process can have taken it over.
//!
//! The proof: a lease begins, by the database's clock, after the statement that set it was sent.
//! Counted from before the sending, by a clock that never jumps, it can only seem to end too early.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::identity::TargetName;
use crate::store::{Store, StoreError};
use crate::targets::ClaimCheck;

/// How long a claim lasts without being renewed.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// How often claims are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How long a renewal may take before it is tried again.
const RENEW_TIMEOUT: Duration = Duration::from_secs(2);
/// The unused rest of every lease, for clocks that run at different speeds, and for the time from
/// the last check until the request has left.
const MARGIN: Duration = Duration::from_secs(1);

/// The claims of one worker. Cheap to clone; clones share them.
#[derive(Clone)]
pub(super) struct Claims {
    store: Store,
    owner: String,
    /// By delivery, until when its claim is valid.
    valid: Arc<Mutex<HashMap<i64, Instant>>>,
}

/// The claim on one delivery. Dropping it ends the claim, however the attempt ended.
pub(super) struct ClaimGuard {
    claims: Claims,
    id: i64,
    refused: Arc<AtomicBool>,
}

impl Claims {
    pub(super) fn new(store: Store, owner: &str) -> Self {
        Self {
            store,
            owner: owner.to_owned(),
            valid: Arc::default(),
        }
    }

    /// The guard of the claim on `id`, whose lease lasts at least until `lease_until`.
    pub(super) fn guard(&self, id: i64, lease_until: Instant) -> ClaimGuard {
        self.valid().insert(id, valid_until(lease_until));
        ClaimGuard {
            claims: self.clone(),
            id,
            refused: Arc::default(),
        }
    }

    fn is_valid(&self, id: i64, now: Instant) -> bool {
        self.valid().get(&id).is_some_and(|until| now < *until)
    }

    fn valid(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Instant>> {
        // Entries change one at a time: a panic while the lock was held leaves nothing half done.
        self.valid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews all claims again and again, until `stop`.
    pub(super) async fn renew_until(&self, target: &TargetName, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
            match tokio::time::timeout(RENEW_TIMEOUT, self.renew()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(target = target.as_str(), %error, "claims were not renewed");
                }
                Err(_) => {
                    tracing::warn!(
                        target = target.as_str(),
                        "claims were not renewed: the database does not answer"
                    );
                }
            }
        }
    }

    async fn renew(&self) -> Result<(), StoreError> {
        let asked_at = Instant::now();
        let ids: Vec<i64> = {
            let valid = self.valid();
            let renewable = valid.iter().filter(|(_, until)| asked_at < **until);
            renewable.map(|(id, _)| *id).collect()
        };
        let renewed = self.store.renew_claims(&ids, &self.owner, LEASE).await?;
        let answered_at = Instant::now();
        let mut valid = self.valid();
        for id in ids {
            // An attempt that has ended meanwhile has no entry any more.
            valid.entry(id).and_modify(|until| {
                *until = match renewed.contains(&id) {
                    true => valid_until_after_renewal(*until, asked_at + LEASE, answered_at),
                    // Another process has taken it over.
                    false => asked_at,
                };
            });
        }
        Ok(())
    }
}

/// Until when something may be sent under a lease.
fn valid_until(lease_until: Instant) -> Instant {
    lease_until.checked_sub(MARGIN).unwrap_or(lease_until)
}

/// Until when a claim is valid whose row was still ours when the database `answered_at`. `until`
/// is its end before.
fn valid_until_after_renewal(
    until: Instant,
    lease_until: Instant,
    answered_at: Instant,
) -> Instant {
    if answered_at < until {
        valid_until(lease_until)
    } else {
        // It ran out before. Another process may have claimed the delivery, sent it and given it
        // up, and this process may have claimed it again: the row then looks like ours.
        until
    }
}

impl ClaimGuard {
    /// Whether something may still be sent for this delivery, asked right before each request.
    pub(super) fn check(&self) -> ClaimCheck {
        let (claims, id, refused) = (self.claims.clone(), self.id, Arc::clone(&self.refused));
        ClaimCheck::new(move || {
            let valid = claims.is_valid(id, Instant::now());
            if !valid {
                refused.store(true, Ordering::SeqCst);
            }
            valid
        })
    }

    /// Whether a request was not sent because the claim had ended.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        self.claims.valid().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn claims(folder: &tempfile::TempDir) -> Claims {
        let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
        Claims::new(Store::open(&url).await.unwrap(), "a")
    }

    #[tokio::test]
    async fn nothing_may_be_sent_for_a_claim_whose_lease_ran_out_while_the_process_stood_still() {
        let folder = tempfile::tempdir().unwrap();
        let claims = claims(&folder).await;
        let claim = claims.guard(1, Instant::now() + LEASE);
        assert!(claim.check().is_ours());
        assert!(!claim.was_refused());
        let stale = claims.guard(2, Instant::now());
        assert!(!stale.check().is_ours());
        assert!(stale.was_refused());
    }

    #[tokio::test]
    async fn nothing_may_be_sent_for_a_claim_that_renewing_found_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let claims = claims(&folder).await;
        let claim = claims.guard(1, Instant::now() + LEASE);
        claims.renew().await.unwrap();
        assert!(!claim.check().is_ours());
    }

    #[test]
    fn a_claim_that_ran_out_is_not_valid_again_when_the_row_is_claimed_anew() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let (until, next_lease) = (after(9), after(20));
        let renewed = |answered_at| valid_until_after_renewal(until, next_lease, answered_at);
        assert_eq!(renewed(after(8)), after(19));
        assert_eq!(renewed(after(9)), until);
    }

    #[tokio::test]
    async fn an_attempt_that_ended_is_not_renewed_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let claims = claims(&folder).await;
        drop(claims.guard(1, Instant::now() + LEASE));
        assert!(claims.valid().is_empty());
    }
}
