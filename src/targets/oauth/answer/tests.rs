//! Token answers as both CRMs send them.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};

use super::*;
use crate::domain::failure::Remedy;
use crate::targets::{salesforce, servicenow};

fn answer(status: u16, body: &str) -> LoginAnswer {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    LoginAnswer {
        answer: Answer::new(status, HeaderMap::new(), bytes),
        body: Secret::new(body),
    }
}

fn granted(body: &str) -> Granted {
    let result = read(
        &salesforce::oauth::DIALECT,
        &answer(200, body),
        Timestamp::default(),
    );
    result.map_err(|failure| failure.to_string()).unwrap()
}

fn failure(dialect: &OAuthDialect, status: u16, body: &str) -> Failure {
    match read(dialect, &answer(status, body), Timestamp::default()) {
        Ok(_) => panic!("a token was read from {body}"),
        Err(failure) => *failure,
    }
}

fn refusal(error: &str, words: &str) -> String {
    format!(r#"{{"error":"{error}","error_description":"{words}"}}"#)
}

#[test]
fn a_token_needs_neither_expiry_nor_issue_time_nor_signature() {
    let granted = granted(r#"{"access_token":"00D!AQ","token_type":"Bearer"}"#);
    assert_eq!(granted.access_token.expose(), "00D!AQ");
    assert_eq!(granted.lifetime, None);
    assert!(granted.refresh_token.is_none());
}

#[test]
fn a_token_has_a_longest_length() {
    for name in ["access_token", "refresh_token"] {
        let body = |length| {
            format!(
                r#"{{"access_token":"a","{name}":"{}"}}"#,
                "A".repeat(length)
            )
        };
        let longest = granted(&body(16 * 1024));
        let token = longest.refresh_token.unwrap_or(longest.access_token);
        assert_eq!(token.expose().len(), 16 * 1024);
        let refused = failure(&salesforce::oauth::DIALECT, 200, &body(16 * 1024 + 1));
        assert_eq!(refused.kind, FailureKind::NetworkFailure);
        assert_eq!(refused.remedy(), Remedy::Retry);
    }
}

#[test]
fn an_expiry_is_read_as_a_number_and_as_text() {
    let number = granted(r#"{"access_token":"a","expires_in":1799}"#);
    let text = granted(r#"{"access_token":"a","expires_in":"1799"}"#);
    assert_eq!(number.lifetime, Some(Duration::from_secs(1799)));
    assert_eq!(text.lifetime, number.lifetime);
}

#[test]
fn g21_what_salesforce_refuses_for_good_is_an_auth_failure_that_holds_the_target() {
    for (error, words) in [
        ("invalid_grant", "authentication failure"),
        ("invalid_grant", "expired access/refresh token"),
        ("invalid_grant", "no client credentials user enabled"),
        ("invalid_client_id", "client identifier invalid"),
        ("invalid_client", "invalid client credentials"),
        ("unsupported_grant_type", "grant type not supported"),
        ("something_new", "of which nothing is known"),
    ] {
        for status in [400, 401, 403] {
            let failure = failure(&salesforce::oauth::DIALECT, status, &refusal(error, words));
            assert_eq!(failure.kind, FailureKind::AuthFailure, "{error}");
            assert_eq!(failure.remedy(), Remedy::HoldTarget, "{error}");
            assert_eq!(failure.code.as_deref(), Some(error));
            assert!(failure.message.contains(words));
        }
    }
}

#[test]
fn too_many_logins_pause_the_target_for_minutes_and_hold_nothing() {
    let failure = failure(
        &salesforce::oauth::DIALECT,
        400,
        &refusal("invalid_grant", "Login Rate Exceeded"),
    );
    assert_eq!(failure.kind, FailureKind::RateLimited);
    assert_eq!(
        failure.remedy(),
        Remedy::PauseTarget(Some(Duration::from_secs(300)))
    );
}

#[test]
fn servicenows_server_error_with_401_is_a_wrong_secret() {
    let body = r#"{"error_description":"access_denied","error":"server_error"}"#;
    let failure = failure(&servicenow::oauth::DIALECT, 401, body);
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
}

#[test]
fn a_refusal_is_an_auth_failure_with_its_words_in_whatever_form_it_comes() {
    let table = r#"{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#;
    let xml = "<OAuth><error>invalid_grant</error>\
        <error_description>authentication failure</error_description></OAuth>";
    let form = "error=invalid_client&error_description=invalid+client+credentials";
    for (body, words) in [
        (table, "Required to provide Auth information"),
        (xml, "authentication failure"),
        (form, "invalid client credentials"),
        ("the client is unknown", "the client is unknown"),
    ] {
        for status in [400, 401, 403] {
            for dialect in [&salesforce::oauth::DIALECT, &servicenow::oauth::DIALECT] {
                let failure = failure(dialect, status, body);
                assert_eq!(failure.kind, FailureKind::AuthFailure, "{status} {body}");
                assert_eq!(failure.remedy(), Remedy::HoldTarget, "{status} {body}");
                assert!(failure.message.contains(words), "{failure}");
            }
        }
    }
    let silent = failure(&servicenow::oauth::DIALECT, 401, "");
    assert_eq!(silent.kind, FailureKind::AuthFailure);
    assert!(silent.to_string().contains("401"));
}

#[test]
fn a_token_is_read_in_each_form() {
    for body in [
        r#"{"access_token":"00D!AQ&x","expires_in":"1799"}"#,
        "<OAuth><access_token>00D!AQ&amp;x</access_token><expires_in>1799</expires_in></OAuth>",
        "access_token=00D%21AQ%26x&expires_in=1799",
    ] {
        let granted = granted(body);
        assert_eq!(granted.access_token.expose(), "00D!AQ&x", "{body}");
        assert_eq!(granted.lifetime, Some(Duration::from_secs(1799)), "{body}");
    }
}

#[test]
fn what_stands_in_front_of_a_token_endpoint_is_a_network_failure() {
    let page = "<html>Forbidden</html>";
    for (status, body, remedy) in [
        (400, page, Remedy::Retry),
        (401, page, Remedy::Retry),
        (403, page, Remedy::Retry),
        (403, r#"{"message":"Forbidden"}"#, Remedy::Retry),
        (403, "", Remedy::Retry),
        (407, page, Remedy::HoldTarget),
    ] {
        let failure = failure(&servicenow::oauth::DIALECT, status, body);
        assert_eq!(failure.kind, FailureKind::NetworkFailure, "{status} {body}");
        assert_eq!(failure.remedy(), remedy, "{status} {body}");
    }
}

#[test]
fn a_server_that_is_in_trouble_is_a_network_failure() {
    let page = "<html><h1>Bad gateway</h1></html>";
    for (status, body) in [
        (503, page),
        (500, ""),
        (200, page),
        (400, page),
        (200, "{}"),
        (502, r#"{"error":"server_error"}"#),
    ] {
        for dialect in [&salesforce::oauth::DIALECT, &servicenow::oauth::DIALECT] {
            let failure = failure(dialect, status, body);
            assert_eq!(failure.kind, FailureKind::NetworkFailure, "{status} {body}");
            assert_eq!(failure.remedy(), Remedy::Retry, "{status} {body}");
        }
    }
}

#[test]
fn a_refusal_by_name_stays_one_whatever_its_status() {
    let failure = failure(
        &salesforce::oauth::DIALECT,
        500,
        &refusal("invalid_grant", "x"),
    );
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
}

#[test]
fn a_refusal_without_a_reason_is_still_a_refusal() {
    let failure = failure(
        &salesforce::oauth::DIALECT,
        400,
        r#"{"error":"invalid_grant"}"#,
    );
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
}

#[test]
fn a_body_that_is_no_refusal_appears_in_no_message() {
    let failure = failure(
        &salesforce::oauth::DIALECT,
        200,
        r#"{"acces_token":"s3cret"}"#,
    );
    assert!(!failure.to_string().contains("s3cret"));
}

#[test]
fn a_redirect_of_the_token_endpoint_is_named_without_its_query() {
    let mut moved = answer(302, "");
    let location = HeaderValue::from_static("https://login.example.com/?token=s3cret");
    moved.answer.headers.insert(LOCATION, location);
    let Err(failure) = read(&salesforce::oauth::DIALECT, &moved, Timestamp::default()) else {
        panic!("a redirect is no token");
    };
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(failure.message.contains("https://login.example.com/"));
    assert!(!failure.message.contains("s3cret"));
}

#[test]
fn a_page_in_front_of_the_endpoint_is_believed_for_five_minutes_at_most() {
    let mut answer = answer(503, "<html>maintenance</html>");
    let hour = HeaderValue::from_static("3600");
    answer.answer.headers.insert("retry-after", hour);
    let failure = read(&salesforce::oauth::DIALECT, &answer, Timestamp::default());
    let failure = failure.err().unwrap();
    assert_eq!(failure.wait, Some(Duration::from_secs(300)));
}
