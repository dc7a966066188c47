//! A test for each rule of classification.

use reqwest::header::HeaderMap;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_442_400_000);
const ID: &str = "5007000000OFL5FAAX";

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: body.to_owned().into(),
    }
}

fn with_header(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    answer.headers.insert(name, value.parse().unwrap());
    answer
}

fn refused(status: u16, code: &str, message: &str) -> Answer {
    let body = json!([{"message": message, "errorCode": code, "fields": ["Subject"]}]);
    answer(status, &body.to_string())
}

fn created_failure(answer: &Answer) -> Failure {
    created(answer, NOW).unwrap_err()
}

#[test]
fn g16_success_is_an_id_in_the_body_and_nothing_else() {
    let good = json!({"id": ID, "success": true, "errors": [], "created": true}).to_string();
    assert_eq!(created(&answer(201, &good), NOW).as_deref(), Ok(ID));
    assert_eq!(created(&answer(200, &good), NOW).as_deref(), Ok(ID));
    for body in ["{}", r#"{"id":null}"#, r#"{"id":"short"}"#] {
        let failure = created_failure(&answer(200, body));
        assert_eq!(failure.kind, FailureKind::IntegrationFailure, "{body}");
        assert!(failure.outcome_unknown, "{body}");
    }
}

#[test]
fn g16_success_false_in_a_200_is_a_refusal_with_its_code() {
    let body = json!({"success": false, "errors": [{"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "no"}]});
    let failure = created_failure(&answer(200, &body.to_string()));
    assert_eq!(failure.remedy, Remedy::GiveUp);
    assert_eq!(
        failure.code.as_deref(),
        Some("FIELD_CUSTOM_VALIDATION_EXCEPTION")
    );
}

#[test]
fn rule_2_after_a_gateway_error_or_an_unreadable_answer_the_outcome_is_unknown() {
    for given in [
        answer(500, ""),
        answer(502, "<html>"),
        answer(503, "<html>"),
        answer(504, ""),
        answer(420, "<html>setting things up"),
        answer(406, ""),
        answer(200, "<html>"),
        answer(201, "{\"id\": \"500"),
        answer(202, r#"{"requestId":"1"}"#),
    ] {
        let failure = created_failure(&given);
        assert_eq!(failure.kind, FailureKind::NetworkFailure, "{given:?}");
        assert_eq!(failure.remedy, Remedy::Retry, "{given:?}");
        assert!(failure.outcome_unknown, "{given:?}");
    }
    assert!(!refusal(&answer(502, ""), false, NOW).outcome_unknown);
}

#[test]
fn rule_3_a_session_that_no_renewal_mends_holds_the_target() {
    let hopeless = refused(
        401,
        "INVALID_SESSION_ID",
        "This session is not valid for use with the REST API",
    );
    let failure = hopeless_session(&hopeless).unwrap();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(failure.remedy, Remedy::HoldTarget);
    let expired = refused(401, "INVALID_SESSION_ID", "Session expired or invalid");
    assert!(hopeless_session(&expired).is_none());
    assert_eq!(refused_session(&expired).remedy, Remedy::HoldTarget);
}

#[test]
fn g18_rule_4_request_limits_pause_the_target_and_cost_no_attempt() {
    let limited = || refused(403, "REQUEST_LIMIT_EXCEEDED", "Limit exceeded.");
    let headroom = with_header(limited(), "sforce-limit-info", "api-usage=18/5000");
    let failure = created_failure(&headroom);
    assert_eq!(failure.kind, FailureKind::RateLimited);
    assert_eq!(failure.remedy, Remedy::PauseTarget(None));
    assert!(!failure.outcome_unknown);
    let used_up = with_header(
        limited(),
        "sforce-limit-info",
        "api-usage=5000/5000; api-bursts=1/750",
    );
    assert_eq!(
        created_failure(&used_up).remedy,
        Remedy::PauseTarget(Some(DAILY_LIMIT_PAUSE))
    );
    let too_many = with_header(answer(429, "slow down"), "retry-after", "17");
    assert_eq!(
        created_failure(&too_many).remedy,
        Remedy::PauseTarget(Some(Duration::from_secs(17)))
    );
}

#[test]
fn a_503_that_names_a_time_is_honoured() {
    let failure = created_failure(&with_header(answer(503, ""), "retry-after", "9"));
    assert_eq!(
        failure.remedy,
        Remedy::PauseTarget(Some(Duration::from_secs(9)))
    );
    assert!(failure.outcome_unknown);
}

#[test]
fn rule_5_faults_that_pass_by_themselves_are_retried_and_not_in_doubt() {
    for code in TRANSIENT {
        let failure = created_failure(&refused(400, code, "busy"));
        assert_eq!(failure.remedy, Remedy::Retry, "{code}");
        assert!(!failure.outcome_unknown, "{code}");
    }
    let wrapped = refused(
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "trigger: UNABLE_TO_LOCK_ROW",
    );
    assert_eq!(created_failure(&wrapped).remedy, Remedy::Retry);
}

#[test]
fn rule_7_several_records_with_our_key_are_never_guessed_between() {
    let body =
        r#"["/services/data/v64.0/sobjects/Case/500A","/services/data/v64.0/sobjects/Case/500B"]"#;
    let failure = created_failure(&answer(300, body));
    assert_eq!(failure.code.as_deref(), Some("DUPLICATE_KEY"));
    assert_eq!(failure.remedy, Remedy::GiveUp);
    assert!(failure.message.contains("500A") && failure.message.contains("500B"));
}

#[test]
fn rule_8_an_unknown_object_or_field_holds_the_target_and_a_gone_ticket_does_not() {
    let missing = refused(
        404,
        "NOT_FOUND",
        "Provided external ID field does not exist or is not accessible: X",
    );
    assert_eq!(created_failure(&missing).remedy, Remedy::HoldTarget);
    assert!(
        row(&missing, NOW).is_err(),
        "a misspelt field is no absence"
    );
    let absent = refused(404, "NOT_FOUND", "The requested resource does not exist");
    assert_eq!(row(&absent, NOW), Ok(None));
    let deleted = refused(404, "ENTITY_IS_DELETED", "entity is deleted");
    assert_eq!(written(&deleted, NOW).unwrap_err().remedy, Remedy::GiveUp);
}

#[test]
fn g15_rule_9_a_refusal_is_an_integration_failure_with_code_and_field_and_is_not_retried() {
    for code in [
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "REQUIRED_FIELD_MISSING",
        "INVALID_FIELD",
        "STRING_TOO_LONG",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "DUPLICATES_DETECTED",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "JSON_PARSER_ERROR",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    ] {
        for status in [400, 403] {
            let failure = created_failure(&refused(status, code, "no"));
            assert_eq!(failure.kind, FailureKind::IntegrationFailure, "{code}");
            assert_eq!(failure.remedy, Remedy::GiveUp, "{code}");
            assert_eq!(failure.code.as_deref(), Some(code));
            assert_eq!(failure.field.as_deref(), Some("Subject"));
            assert!(!failure.outcome_unknown);
        }
    }
}

#[test]
fn rule_11_an_unknown_code_is_tried_again_before_it_is_given_up() {
    let failure = created_failure(&refused(400, "APEX_ERROR", "odd"));
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.remedy, Remedy::Retry);
}

#[test]
fn errors_are_read_as_a_bare_object_and_in_the_spelling_of_collections() {
    let bare = answer(400, r#"{"message":"no","statusCode":"INVALID_FIELD"}"#);
    assert_eq!(
        created_failure(&bare).code.as_deref(),
        Some("INVALID_FIELD")
    );
}

#[test]
fn a_redirect_is_configuration_and_says_where_it_pointed() {
    let given = with_header(
        answer(302, ""),
        "location",
        "https://x.lightning.force.com/y?token=secret",
    );
    let failure = created_failure(&given);
    assert_eq!(failure.remedy, Remedy::HoldTarget);
    assert!(failure.message.contains("x.lightning.force.com"));
    assert!(!failure.message.contains("secret"));
}
