//! Credentials: how they are sent, renewed, and kept from going elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ringdown::clock::Clock;
use ringdown::domain::failure::{Failure, FailureKind, FailureScope, Remedy, ResolvedBy, class};
use ringdown::domain::time::Timestamp;
use ringdown::settings::{Secret, TargetAuth};
use ringdown::targets::{Credential, Login};
use ringdown::targets::{Crm, TokenStatus};
use serde_json::json;

use crate::servicenow::cases::{create_with, fields, key};
use crate::servicenow::instance::{
    Instance, Line, client, client_at, client_by, client_with, error, result,
};

/// ServiceNow's own word for a wrong, a missing and an expired credential.
fn unauthenticated() -> Line {
    let detail = "Required to provide Auth information";
    error(401, "User Not Authenticated", detail)
}

/// A login whose tokens are numbered; `none_left` after so many.
struct Numbered {
    handed_out: AtomicU64,
    none_left: u64,
}

impl Numbered {
    fn with(none_left: u64) -> Self {
        Self {
            handed_out: AtomicU64::new(0),
            none_left,
        }
    }

    fn next(&self) -> Result<Credential, Failure> {
        let number = self.handed_out.fetch_add(1, Ordering::SeqCst);
        if number >= self.none_left {
            let words = "access_denied";
            return Err(Failure::new(
                FailureKind::AuthFailure,
                class(FailureScope::User, ResolvedBy::PersonInCrm),
                words,
            )
            .in_doubt());
        }
        Ok(Credential::bearer(&Secret::new(format!("token-{number}"))).unwrap())
    }
}

#[async_trait]
impl Login for Numbered {
    async fn credential(&self) -> Result<Credential, Failure> {
        self.next()
    }

    async fn renew(&self, _refused: &Credential) -> Result<Option<Credential>, Failure> {
        self.next().map(Some)
    }

    fn forget(&self) {}

    fn status(&self) -> TokenStatus {
        TokenStatus::default()
    }
}

#[tokio::test]
async fn the_password_is_sent_in_the_standard_alphabet() {
    let (_, instance) = create_with(vec![Line::Created(json!({}))]).await;
    // `ringdown:p>ss?wörd` in base64; the URL alphabet would have `-` or `_` in it.
    assert_eq!(
        instance.asked()[0].headers["authorization"],
        "Basic cmluZ2Rvd246cD5zcz93w7ZyZA=="
    );
}

#[tokio::test]
async fn an_api_key_travels_in_its_own_header() {
    let (instance, base) = Instance::playing([result(json!([]))]).await;
    let auth = TargetAuth::ApiKey {
        header: "x-sn-apikey".to_owned(),
        key: Secret::new("k3y"),
    };
    client_with(&base, auth).probe().await.unwrap();
    let asked = &instance.asked()[0];
    assert_eq!(asked.headers["x-sn-apikey"], "k3y");
    assert!(!asked.headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_401_with_a_static_credential_holds_the_target() {
    let refused = || {
        error(
            401,
            "User Not Authenticated",
            "Required to provide Auth information",
        )
    };
    let (instance, base) = Instance::playing([refused()]).await;
    let failure = client(&base).create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(failure.may_lock_user, "each try sends the password");
    assert_eq!(instance.asked().len(), 1);
}

#[tokio::test]
async fn any_401_to_a_password_may_lock_the_user_whoever_speaks() {
    let page = || {
        Line::Answer(
            401,
            "text/html",
            "<html>Authorization Required</html>".into(),
        )
    };
    let (instance, base) = Instance::playing([page()]).await;
    let basic = client(&base);
    for _ in 0..2 {
        let failure = basic.create(&key(), &fields()).await.unwrap_err();
        assert_eq!(failure.class.scope, FailureScope::Network);
        assert_eq!(failure.remedy(), Remedy::HoldTarget);
        assert!(failure.may_lock_user);
    }
    assert_eq!(instance.asked().len(), 1, "the password went out once");
    let (_, base) = Instance::playing([page(), page()]).await;
    let with_token = client_by(&base, Numbered::with(9));
    let failure = with_token.create(&key(), &fields()).await.unwrap_err();
    assert!(!failure.may_lock_user, "no password was sent");
}

#[tokio::test]
async fn a_role_check_of_the_api_counts_from_the_second_refusal_on() {
    let words = "Failed API level ACL Validation";
    let denied = || error(403, "User Not Authorized", words);
    let script = [denied(), denied(), denied(), denied()];
    let (_, base) = Instance::playing(script).await;
    let clock = Clock::manual(Timestamp::from_millis(1_795_450_000_000));
    let key_in_header = TargetAuth::ApiKey {
        header: "x-sn-apikey".to_owned(),
        key: Secret::new("k3y"),
    };
    let client = client_at(&base, key_in_header, &clock);
    // A switch of nodes: all calls in flight meet it, and a second later it may be over.
    for _ in 0..2 {
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert_eq!(failure.remedy(), Remedy::PauseTarget(None));
    }
    clock.advance(Duration::from_secs(2));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(failure.class.resolved_by, ResolvedBy::PersonInCrm);
    clock.advance(Duration::from_secs(3600));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(
        failure.remedy(),
        Remedy::PauseTarget(None),
        "another switch"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, place) = Instance::playing([]).await;
    let (_, base) = Instance::playing([Line::Redirect(place.to_string())]).await;
    let failure = client(&base).create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NetworkFailure);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(failure.doubts_login());
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_probe_of_a_sleeping_instance_fails() {
    let page = "<html><div class=\"instance-hibernating-page\">".to_owned();
    let (_, base) = Instance::playing([Line::Answer(200, "text/html", page)]).await;
    let failure = client(&base).probe().await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::PauseTarget(None));
}

#[tokio::test]
async fn g21_an_expired_token_is_renewed_and_the_insert_repeated_once() {
    let script = [unauthenticated(), Line::Created(json!({}))];
    let (instance, base) = Instance::playing(script).await;
    let client = client_by(&base, Numbered::with(9));
    client.create(&key(), &fields()).await.unwrap();
    let asked = instance.asked();
    assert_eq!(asked[0].headers["authorization"], "Bearer token-0");
    assert_eq!(asked[1].headers["authorization"], "Bearer token-1");
    assert_eq!(asked[0].body, asked[1].body);
}

#[tokio::test]
async fn g21_a_second_401_is_an_auth_failure_that_holds_the_target() {
    let script = [unauthenticated(), unauthenticated()];
    let (instance, base) = Instance::playing(script).await;
    let client = client_by(&base, Numbered::with(9));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(
        !failure.may_lock_user,
        "a token was refused, not a password"
    );
    assert_eq!(instance.asked().len(), 2);
}

#[tokio::test]
async fn g21_a_refusal_to_renew_holds_the_target_and_leaves_no_doubt() {
    let (_, base) = Instance::playing([unauthenticated()]).await;
    let client = client_by(&base, Numbered::with(1));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(failure.message, "access_denied");
    assert!(!failure.outcome_unknown);
}
