//! A token in use: the credential it makes, and how long it lasts.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::targets::login::Credential;

/// How long before its expiry a token is renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// An access token as it was obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) credential: Credential,
    pub(super) obtained_at: Timestamp,
    /// When it expires, where the CRM says so.
    pub(super) expires_at: Option<Timestamp>,
}

impl Token {
    pub(super) fn new(
        credential: Credential,
        obtained_at: Timestamp,
        lifetime: Option<Duration>,
    ) -> Self {
        Self {
            credential,
            obtained_at,
            expires_at: lifetime.map(|lifetime| obtained_at.plus(lifetime)),
        }
    }

    /// Whether it may still be used: for short-lived tokens up to half of their life, so that
    /// a life shorter than the renew_before does not mean a token call per request.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| {
            let renew_before = RENEW_BEFORE.min(expires_at.since(self.obtained_at) / 2);
            now < expires_at.minus(renew_before)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn living(seconds: Option<u64>) -> Token {
        let credential = Credential::bearer(&Secret::new("t0ken")).unwrap();
        Token::new(credential, at(0), seconds.map(Duration::from_secs))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn a_token_is_never_printed() {
        assert!(!format!("{:?}", living(Some(60))).contains("t0ken"));
    }

    #[test]
    fn g9_a_token_is_renewed_a_minute_before_it_expires() {
        assert!(living(Some(1800)).is_fresh(at(1739)));
        assert!(!living(Some(1800)).is_fresh(at(1740)));
    }

    #[test]
    fn a_short_lived_token_is_used_for_half_of_its_life() {
        assert!(living(Some(30)).is_fresh(at(14)));
        assert!(!living(Some(30)).is_fresh(at(15)));
    }

    #[test]
    fn a_token_without_a_stated_expiry_is_used_until_it_is_refused() {
        assert!(living(None).is_fresh(at(i64::from(u32::MAX))));
    }

    #[test]
    fn an_equal_token_obtained_anew_is_not_the_refused_one() {
        let token = living(None).credential;
        assert_ne!(token.clone().of_issue(1), token.of_issue(2));
    }
}
