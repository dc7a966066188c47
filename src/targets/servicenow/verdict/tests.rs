//! Every row of the classification table in `docs/servicenow.md`, as a test.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::super::rejection::Cause;
use super::*;
use crate::domain::failure::{FailureClass, Remedy};

const JSON: &str = "application/json;charset=UTF-8";
const NOW: Timestamp = Timestamp::from_millis(1_795_450_000_000);

fn answer(status: u16, media_type: &str, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    if !media_type.is_empty() {
        let name = HeaderName::from_static("content-type");
        headers.insert(name, HeaderValue::from_str(media_type).unwrap());
    }
    Answer::new(status, headers, Bytes::copy_from_slice(body.as_bytes()))
}

fn with_header(mut answer: Answer, name: &'static str, value: &'static str) -> Answer {
    let name = HeaderName::from_static(name);
    answer.headers.insert(name, HeaderValue::from_static(value));
    answer
}

fn error(status: u16, message: &str, detail: &str) -> Answer {
    let body = json!({"error": {"message": message, "detail": detail}, "status": "failure"});
    answer(status, JSON, &body.to_string())
}

fn rejection(call: Call, answer: &Answer) -> Rejection {
    *judge(call, answer, NOW).unwrap_err()
}

/// What a rejected create comes to: kind, remedy, and whether the ticket may exist.
fn verdict(answer: &Answer) -> (FailureKind, Remedy, bool) {
    let failure = rejection(Call::Create, answer).failure;
    (failure.kind, failure.remedy(), failure.outcome_unknown)
}

fn class_of(call: Call, answer: &Answer) -> FailureClass {
    rejection(call, answer).failure.class
}

const IN_FRONT: FailureClass = class(FailureScope::Network, ResolvedBy::Time);

use FailureKind::{AuthFailure, IntegrationFailure, NetworkFailure, RateLimited};
use Remedy::{GiveUp, HoldTarget, PauseTarget, Retry};

#[test]
fn a_201_with_a_result_is_a_success() {
    let answer = answer(201, JSON, r#"{"result":{"sys_id":"x"}}"#);
    assert_eq!(
        judge(Call::Create, &answer, NOW),
        Ok(json!({"sys_id": "x"}))
    );
}

#[test]
fn a_result_is_handed_on_whatever_the_success_because_the_record_is_the_proof() {
    let answer = answer(200, JSON, r#"{"result":{"sys_id":"x"}}"#);
    for call in [Call::Create, Call::Change, Call::Read] {
        assert_eq!(judge(call, &answer, NOW), Ok(json!({"sys_id": "x"})));
    }
}

#[test]
fn g16_a_hibernating_instance_pauses_the_target_and_has_created_nothing() {
    for page in [
        r#"<html><div class="instance-hibernating-page">"#,
        "<html><title>Hibernating Instance</title>",
        "<!doctype html><p>Your instance is hibernating</p>",
    ] {
        let answer = answer(200, "text/html;charset=UTF-8", page);
        assert_eq!(verdict(&answer), (NetworkFailure, PauseTarget(None), false));
    }
}

#[test]
fn g16_an_unknown_web_page_comes_from_something_in_front_and_leaves_the_create_in_doubt() {
    let answer = answer(200, "text/html", "<html><form action=\"/login.do\">");
    assert_eq!(verdict(&answer), (NetworkFailure, Retry, true));
    assert_eq!(class_of(Call::Create, &answer), IN_FRONT);
    assert!(!rejection(Call::Read, &answer).failure.outcome_unknown);
}

#[test]
fn g16_a_202_is_in_doubt_and_may_finish_later() {
    let rejection = rejection(Call::Create, &answer(202, JSON, ""));
    assert_eq!(rejection.cause, Cause::StillRunning);
    assert_eq!(
        verdict(&answer(202, JSON, r#"{"requestId":"4711"}"#)),
        (NetworkFailure, Retry, true)
    );
}

#[test]
fn g16_an_unreadable_success_is_in_doubt() {
    for body in [
        "",
        r#"{"result":{"sys_id":"c537"#,
        r#"{"status":"ok"}"#,
        "[]",
        r#"{"result":{"sys_id":"x"},"error":{"message":"Transaction cancelled"}}"#,
    ] {
        assert_eq!(
            verdict(&answer(201, JSON, body)),
            (NetworkFailure, Retry, true),
            "{body}"
        );
    }
    assert_eq!(verdict(&answer(204, "", "")), (NetworkFailure, Retry, true));
}

#[test]
fn g16_an_error_inside_a_success_is_an_integration_failure() {
    let error = error(201, "Operation Failed", "validation");
    assert_eq!(verdict(&error), (IntegrationFailure, GiveUp, false));
}

#[test]
fn a_refused_content_cannot_be_healed_by_repeating() {
    for status in [400, 403, 409, 413, 422] {
        let answer = error(status, "Operation Failed", "validation");
        let expected = (IntegrationFailure, GiveUp, false);
        assert_eq!(verdict(&answer), expected, "{status}");
    }
}

#[test]
fn a_request_of_a_form_that_is_never_taken_holds_the_target() {
    for status in [405, 406, 415] {
        let answer = error(status, "Unsupported", "");
        let expected = (IntegrationFailure, HoldTarget, false);
        assert_eq!(verdict(&answer), expected, "{status}");
    }
}

#[test]
fn an_unknown_api_path_is_not_taken_for_a_missing_record() {
    for status in [400, 404] {
        for message in [
            "Requested URI does not represent any resource",
            "Invalid table u_typo",
        ] {
            let body = json!({"error": {"message": message, "detail": null}, "status": "failure"});
            let path = answer(status, JSON, &body.to_string());
            for call in [Call::Create, Call::Change, Call::Read] {
                let rejection = rejection(call, &path);
                assert_eq!(rejection.cause, Cause::Other);
                assert_eq!(rejection.failure.class.scope, FailureScope::Configuration);
                assert_eq!(rejection.failure.remedy(), HoldTarget);
                assert_eq!(rejection.failure.message, message);
            }
        }
    }
    let record = error(
        404,
        "No Record found",
        "Record doesn't exist or ACL restricts the record retrieval",
    );
    assert_eq!(rejection(Call::Read, &record).cause, Cause::Absent);
}

#[test]
fn only_an_error_is_the_instances_own_word() {
    for (status, media_type, body) in [
        (
            400,
            "text/html",
            "<html><title>400 Request Header Or Cookie Too Large</title></html>",
        ),
        (400, "", ""),
        (403, "application/json", r#"{"message":"Forbidden"}"#),
        (
            403,
            "application/json",
            r#"{"error":{"code":403,"message":"denied"}}"#,
        ),
        (
            403,
            "application/json",
            r#"{"status":403,"error":"Forbidden","path":"/api/now"}"#,
        ),
        (
            400,
            "application/json",
            r#"{"error":"Invalid client id or secret"}"#,
        ),
        (
            403,
            "application/json",
            r#"{"error":"access_denied","error_description":"no session"}"#,
        ),
        (403, "application/json", r#"{"error":{}}"#),
        (
            405,
            "application/json",
            r#"{"error":{"reason":"not allowed"}}"#,
        ),
        (
            503,
            "application/json",
            r#"{"error":"no healthy upstream"}"#,
        ),
        (403, "text/plain", "RBAC: access denied"),
        (403, "", ""),
        (404, "application/json", r#"{"message":"no Route matched"}"#),
        (413, "text/html", "<html>too large</html>"),
        (418, "", ""),
        (500, "text/html", "<html>error</html>"),
    ] {
        let answer = answer(status, media_type, body);
        assert_eq!(class_of(Call::Create, &answer), IN_FRONT, "{status} {body}");
        assert_eq!(
            verdict(&answer),
            (NetworkFailure, Retry, true),
            "{status} {body}"
        );
        let message = rejection(Call::Create, &answer).failure.message;
        assert!(message.contains("in front"), "{message}");
    }
}

#[test]
fn a_login_that_something_in_front_wants_is_for_a_person() {
    let class = class(FailureScope::Network, ResolvedBy::PersonInConfiguration);
    for answer in [
        answer(
            407,
            "text/html",
            "<html>Proxy Authentication Required</html>",
        ),
        answer(407, "", ""),
        answer(401, "text/html", "<html>Authorization Required</html>"),
        answer(401, "application/json", r#"{"message":"Unauthorized"}"#),
        answer(401, "application/json", r#"{"error":"Unauthorized"}"#),
        with_header(answer(401, "", ""), "www-authenticate", "Negotiate"),
    ] {
        assert_eq!(class_of(Call::Create, &answer), class);
        assert_eq!(verdict(&answer), (NetworkFailure, HoldTarget, false));
    }
}

#[test]
fn an_empty_401_with_the_instances_challenge_is_the_instances_and_says_so() {
    let challenge = "Basic realm=\"Service-now\"";
    let answer = with_header(answer(401, "", ""), "www-authenticate", challenge);
    let rejection = rejection(Call::Create, &answer);
    assert_eq!(rejection.cause, Cause::Unauthenticated);
    assert_eq!(rejection.failure.kind, AuthFailure);
    assert_eq!(rejection.failure.class.scope, FailureScope::User);
    assert!(rejection.failure.message.contains("401"));
    assert!(rejection.failure.message.contains(challenge));
}

#[test]
fn a_refused_value_names_its_field_and_is_about_the_ticket() {
    let answer = error(
        403,
        "Operation Failed",
        "Data Policy Exception: The following fields are read only: Category",
    );
    let failure = rejection(Call::Create, &answer).failure;
    assert!(failure.refuses_value);
    assert_eq!(failure.field.as_deref(), Some("Category"));
    assert_eq!(failure.class.scope, FailureScope::Ticket);
}

#[test]
fn a_404_page_of_a_proxy_says_nothing_about_a_record() {
    let answer = answer(404, "text/html", "<html>nginx</html>");
    let rejection = rejection(Call::Read, &answer);
    assert_eq!(rejection.cause, Cause::Other);
    assert_eq!(rejection.failure.remedy(), Retry);
}

#[test]
fn g21_a_401_holds_the_target_once_renewing_has_not_helped() {
    let answer = error(
        401,
        "User Not Authenticated",
        "Required to provide Auth information",
    );
    assert_eq!(verdict(&answer), (AuthFailure, HoldTarget, false));
    assert_eq!(
        rejection(Call::Create, &answer).cause,
        Cause::Unauthenticated
    );
}

#[test]
fn g15_a_403_by_a_business_rule_names_the_rule_and_is_given_up() {
    let answer = error(
        403,
        "Operation Failed",
        "Operation against file 'incident' was aborted by Business Rule 'Check caller^5230af79'. \
         Business Rule Stack:Check caller",
    );
    let failure = rejection(Call::Create, &answer).failure;
    assert_eq!(verdict(&answer), (IntegrationFailure, GiveUp, false));
    assert_eq!(
        failure.code.as_deref(),
        Some("Business Rule 'Check caller'")
    );
    assert!(failure.message.contains("aborted by Business Rule"));
}

#[test]
fn g15_a_403_by_a_data_policy_names_the_field_and_is_for_a_person() {
    let answer = error(
        403,
        "Operation Failed",
        "Data Policy Exception: The following fields are mandatory: Resolution code",
    );
    let rejection = rejection(Call::Change, &answer);
    assert_eq!(rejection.cause, Cause::Refused);
    assert_eq!(rejection.failure.field.as_deref(), Some("Resolution code"));
    assert_eq!(
        rejection.failure.class.resolved_by,
        ResolvedBy::PersonInConfiguration
    );
    assert_eq!(rejection.failure.remedy(), GiveUp);
    assert!(
        !rejection.failure.refuses_value,
        "nothing that was sent is wrong"
    );
}

#[test]
fn a_403_by_an_access_control_is_told_apart_because_the_record_may_exist() {
    let answer = error(
        403,
        "Operation Failed",
        "ACL Exception Insert Failed due to security constraints",
    );
    assert_eq!(rejection(Call::Create, &answer).cause, Cause::Denied);
    let of_our_user = class(FailureScope::User, ResolvedBy::PersonInCrm);
    assert_eq!(class_of(Call::Create, &answer), of_our_user);
    assert_eq!(verdict(&answer), (IntegrationFailure, HoldTarget, false));
}

#[test]
fn a_denied_change_is_about_its_record() {
    let answer = error(
        403,
        "Operation Failed",
        "ACL Exception Update Failed due to security constraints",
    );
    assert_eq!(
        rejection(Call::Change, &answer).failure.remedy(),
        Remedy::Park
    );
}

#[test]
fn a_403_by_the_api_access_control_is_about_our_user() {
    let answer = error(
        403,
        "User Not Authorized",
        "Failed API level ACL Validation",
    );
    assert_eq!(verdict(&answer), (AuthFailure, HoldTarget, false));
}

#[test]
fn a_403_for_a_missing_scope_holds_the_target() {
    let answer = error(403, "Forbidden", "Missing required api access scope");
    assert_eq!(verdict(&answer), (AuthFailure, HoldTarget, false));
}

#[test]
fn a_403_to_a_query_holds_the_target_because_no_ticket_can_be_looked_up() {
    let answer = error(
        403,
        "Insufficient rights to query records",
        "Field(s) present in the query do not have permission to be read",
    );
    let failure = rejection(Call::Read, &answer).failure;
    assert_eq!(failure.kind, IntegrationFailure);
    assert_eq!(failure.remedy(), HoldTarget);
}

#[test]
fn a_403_page_is_the_work_of_something_in_front_of_the_api() {
    let answer = answer(403, "text/html", "<html>Access denied</html>");
    assert_eq!(verdict(&answer), (NetworkFailure, Retry, true));
}

#[test]
fn g18_a_429_waits_as_long_as_the_instance_asks_and_an_hour_at_most() {
    let plain = error(
        429,
        "Rate limit exceeded",
        "Rate limit of 100 requests per hour for Table API exceeded",
    );
    let pause = |seconds| PauseTarget(Some(Duration::from_secs(seconds)));
    let asked = with_header(plain.clone(), "retry-after", "1260");
    assert_eq!(verdict(&asked), (RateLimited, pause(1260), false));
    let far = with_header(plain.clone(), "retry-after", "86400");
    assert_eq!(verdict(&far), (RateLimited, pause(3600), false));
    let window = with_header(plain, "x-ratelimit-reset", "1795450090");
    assert_eq!(verdict(&window), (RateLimited, pause(90), false));
}

#[test]
fn g18_a_429_of_a_full_semaphore_has_no_hint_and_pauses_all_the_same() {
    let answer = answer(429, "text/plain", "Too Many Requests");
    assert_eq!(verdict(&answer), (RateLimited, PauseTarget(None), false));
}

#[test]
fn a_500_is_in_doubt_but_its_transaction_is_over() {
    let answer = error(
        500,
        "Transaction cancelled: maximum execution time exceeded",
        "Transaction cancelled: maximum execution time exceeded Check logs for error trace",
    );
    assert_eq!(verdict(&answer), (NetworkFailure, Retry, true));
    assert_eq!(class_of(Call::Create, &answer).scope, FailureScope::Ticket);
    assert_eq!(rejection(Call::Create, &answer).cause, Cause::Other);
    assert!(!rejection(Call::Read, &answer).failure.outcome_unknown);
}

#[test]
fn an_answer_of_a_proxy_is_in_doubt_and_the_instance_may_still_be_at_work() {
    for status in [
        408, 425, 451, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530, 599,
    ] {
        let answer = answer(status, "text/html", "<html>nginx</html>");
        assert_eq!(verdict(&answer), (NetworkFailure, Retry, true), "{status}");
        assert_eq!(rejection(Call::Create, &answer).cause, Cause::StillRunning);
    }
}

#[test]
fn g12_a_maintenance_that_says_how_long_it_lasts_pauses_the_target() {
    let maintenance = answer(503, "text/html", "<html>maintenance</html>");
    assert_eq!(verdict(&maintenance), (NetworkFailure, Retry, true));
    let own = with_header(error(503, "Maintenance", ""), "retry-after", "600");
    let pause = PauseTarget(Some(Duration::from_secs(600)));
    assert_eq!(verdict(&own), (NetworkFailure, pause, true));
    assert_eq!(
        class_of(Call::Create, &own).scope,
        FailureScope::Organisation
    );
    // What is in front may speak of one text only, so it is asked again soon.
    let announced = with_header(maintenance, "retry-after", "600");
    let pause = PauseTarget(Some(Duration::from_secs(300)));
    assert_eq!(verdict(&announced), (NetworkFailure, pause, true));
}

#[test]
fn a_taken_id_is_known_by_its_words_under_any_status() {
    for status in [400, 403, 409, 500] {
        let answer = error(
            status,
            "Operation Failed",
            "Unique Key violation detected by database (Duplicate entry '3f' for key 'PRIMARY')",
        );
        assert_eq!(
            rejection(Call::Create, &answer).cause,
            Cause::UniqueViolation,
            "{status}"
        );
        assert_ne!(
            rejection(Call::Change, &answer).cause,
            Cause::UniqueViolation,
            "{status}"
        );
    }
}

#[test]
fn a_redirect_holds_the_target_and_its_query_is_not_shown() {
    let answer = with_header(
        answer(302, "text/html", ""),
        "location",
        "https://idp.example.com/sso?SAMLRequest=s3cret",
    );
    assert_eq!(verdict(&answer), (NetworkFailure, HoldTarget, false));
    let message = rejection(Call::Create, &answer).failure.message;
    assert!(message.contains("https://idp.example.com/sso"));
    assert!(!message.contains("s3cret"));
}

#[test]
fn a_lost_answer_leaves_a_write_in_doubt_and_a_read_not() {
    let lost = Failure::new(NetworkFailure, IN_FRONT, "timed out").in_doubt();
    let write = Rejection::of_transport(Call::Create, lost.clone());
    assert!(write.failure.outcome_unknown);
    assert_eq!(write.cause, Cause::StillRunning);
    assert!(
        !Rejection::of_transport(Call::Read, lost)
            .failure
            .outcome_unknown
    );
    let refused = Failure::new(NetworkFailure, IN_FRONT, "connection refused");
    let never_sent = Rejection::of_transport(Call::Create, refused);
    assert!(!never_sent.failure.outcome_unknown);
    assert_eq!(never_sent.cause, Cause::Other);
}
