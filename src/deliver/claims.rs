//! The claims that one worker holds: renewed while attempts run, and each good only as long
//! as this process can prove by its own clock that nobody else can have taken it over.
//!
//! The proof: a lease begins, by the database's clock, after the statement that set it was
//! sent. Counted from before the sending, by a clock that never jumps, it can only seem to
//! end too early.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};
use crate::targets::ClaimCheck;

/// How often claims are prolonged.
const BEAT: Duration = Duration::from_secs(3);
/// How long prolonging may take before it is tried again.
const PATIENCE: Duration = Duration::from_secs(2);
/// Left unused of every lease: for clocks that run at different speeds, and for the way of a
/// request from the last check to the CRM.
const MARGIN: Duration = Duration::from_secs(1);

/// How long claims last without being prolonged.
#[derive(Clone)]
pub(super) struct Leases {
    /// Whether the CRM refuses a second record, as far as is known now.
    pub(super) refuses_a_second: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Where the CRM refuses a second record: who takes over may send at once.
    pub(super) short: Duration,
    /// Where nothing but a look-up tells: a request of the former owner may still be under
    /// way, and must have ended before it is looked for.
    pub(super) long: Duration,
}

/// The claims of one worker. Cheap to clone; clones share them.
#[derive(Clone)]
pub(super) struct Claims {
    store: Store,
    owner: String,
    leases: Leases,
    held: Arc<Mutex<HashMap<i64, Instant>>>,
}

/// One claim, as its attempt sees it; dropping it ends it, however the attempt ended.
pub(super) struct Held {
    claims: Claims,
    id: i64,
    refused: Arc<AtomicBool>,
}

impl Claims {
    /// None yet, of the process `owner`.
    pub(super) fn new(store: Store, owner: &str, leases: Leases) -> Self {
        Self {
            store,
            owner: owner.to_owned(),
            leases,
            held: Arc::default(),
        }
    }

    /// How long a lease that is taken now lasts.
    pub(super) fn lease(&self) -> Duration {
        if (self.leases.refuses_a_second)() {
            self.leases.short
        } else {
            self.leases.long
        }
    }

    /// Takes up the claim on `id`, whose lease lasts until `lease_until` or a little longer.
    pub(super) fn hold(&self, id: i64, lease_until: Instant) -> Held {
        self.held().insert(id, good_until(lease_until));
        Held {
            claims: self.clone(),
            id,
            refused: Arc::default(),
        }
    }

    fn is_good(&self, id: i64, now: Instant) -> bool {
        self.held().get(&id).is_some_and(|until| now < *until)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Instant>> {
        // One entry at a time: whole whatever happened while the lock was held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prolongs all claims again and again, until `stop`.
    pub(super) async fn keep(&self, target: &str, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(BEAT) => {}
            }
            match tokio::time::timeout(PATIENCE, self.prolong()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(target, %error, "claims were not prolonged");
                }
                Err(_) => {
                    tracing::warn!(
                        target,
                        "claims were not prolonged: the database does not answer"
                    );
                }
            }
        }
    }

    async fn prolong(&self) -> Result<(), StoreError> {
        let (asked_at, lease) = (Instant::now(), self.lease());
        let ids: Vec<i64> = {
            let held = self.held();
            let good = held.iter().filter(|(_, until)| asked_at < **until);
            good.map(|(id, _)| *id).collect()
        };
        let kept = self.store.prolong_claims(&ids, &self.owner, lease).await?;
        let answered_at = Instant::now();
        let mut held = self.held();
        for id in ids {
            // An attempt that has ended meanwhile has no entry any more.
            held.entry(id).and_modify(|until| {
                *until = match kept.contains(&id) {
                    true => prolonged(*until, asked_at + lease, answered_at),
                    false => asked_at,
                };
            });
        }
        Ok(())
    }
}

/// Until when something may be sent under a lease.
fn good_until(lease_until: Instant) -> Instant {
    lease_until.checked_sub(MARGIN).unwrap_or(lease_until)
}

/// Until when a claim is good that was good until `until`, and whose row was found ours when
/// the database `answered_at`. One that ran out before stays so: another process may have
/// sent meanwhile, and this one claimed again what that one left.
fn prolonged(until: Instant, lease_until: Instant, answered_at: Instant) -> Instant {
    if answered_at < until {
        good_until(lease_until)
    } else {
        until
    }
}

impl Held {
    /// Whether something may still be sent for this delivery.
    pub(super) fn check(&self) -> ClaimCheck {
        let (claims, id, refused) = (self.claims.clone(), self.id, Arc::clone(&self.refused));
        ClaimCheck::new(move || {
            let good = claims.is_good(id, Instant::now());
            if !good {
                refused.store(true, Ordering::SeqCst);
            }
            good
        })
    }

    /// Whether a sending was refused: the attempt says nothing about the CRM then.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.claims.held().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    async fn claims(folder: &tempfile::TempDir) -> Claims {
        let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
        let leases = Leases {
            refuses_a_second: Arc::new(|| true),
            short: LEASE,
            long: LEASE * 6,
        };
        Claims::new(Store::open(&url).await.unwrap(), "a", leases)
    }

    #[tokio::test]
    async fn nothing_may_be_sent_for_a_claim_whose_lease_ran_out_while_the_process_stood_still() {
        let folder = tempfile::tempdir().unwrap();
        let claims = claims(&folder).await;
        let held = claims.hold(1, Instant::now() + LEASE);
        assert!(held.check().is_ours());
        assert!(!held.was_refused());
        let stale = claims.hold(2, Instant::now());
        assert!(!stale.check().is_ours());
        assert!(stale.was_refused());
    }

    #[tokio::test]
    async fn nothing_may_be_sent_for_a_claim_that_prolonging_found_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let claims = claims(&folder).await;
        let held = claims.hold(1, Instant::now() + LEASE);
        claims.prolong().await.unwrap();
        assert!(!held.check().is_ours());
    }

    #[test]
    fn a_claim_that_ran_out_is_not_good_again_when_the_row_is_claimed_anew() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let (until, next_lease) = (after(9), after(20));
        assert_eq!(prolonged(until, next_lease, after(8)), after(19));
        assert_eq!(prolonged(until, next_lease, after(9)), until);
    }

    #[tokio::test]
    async fn an_attempt_that_ended_is_not_prolonged_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let claims = claims(&folder).await;
        drop(claims.hold(1, Instant::now() + LEASE));
        assert!(claims.held().is_empty());
    }

    #[tokio::test]
    async fn where_only_a_look_up_tells_a_claim_lasts_long_enough_for_a_request_to_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut claims = claims(&folder).await;
        assert_eq!(claims.lease(), LEASE);
        claims.leases.refuses_a_second = Arc::new(|| false);
        assert_eq!(claims.lease(), LEASE * 6);
    }
}
