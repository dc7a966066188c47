//! Each rule of classification, on answers as Salesforce sends them.
//!
//! The number of a rule (`rule_5_…`) is one of these kinds of answers. docs/salesforce.md has what
//! follows each of them.
//!
//! - 2: the result is unknown: a success that cannot be read, an answer that is not Salesforce's.
//! - 3: the session: a token that a renewal helps, and one that it does not help.
//! - 4: the limit of calls.
//! - 5: what ends by itself, and locked rows.
//! - 6: a value that exists already.
//! - 7: several records with our key.
//! - 8: something is not there: an object, a field, a record.
//! - 9: the content or our rights are refused.
//! - 11: a code that nobody knows.
//!
//! Rules 1 and 10 concern the connection and the login; their tests are there. For `g15_…` and the
//! like see docs/building.md.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::domain::failure::{FailureClass, Remedy};

const WAITS: FailureClass = class(FailureScope::Organisation, ResolvedBy::Time);

const ID: &str = "5007000000OFL5FAAX";

fn answer(status: u16, body: &str) -> Answer {
    Answer::new(
        status,
        HeaderMap::new(),
        Bytes::copy_from_slice(body.as_bytes()),
    )
}

fn with(mut answer: Answer, name: &'static str, value: &'static str) -> Answer {
    let value = HeaderValue::from_static(value);
    answer.headers.insert(HeaderName::from_static(name), value);
    answer
}

fn page(status: u16) -> Answer {
    let mut answer = answer(status, "<html><h1>We are setting things up</h1></html>");
    let html = HeaderValue::from_static("text/html;charset=UTF-8");
    answer.headers.insert(CONTENT_TYPE, html);
    answer
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = serde_json::json!([{"message": message, "errorCode": code, "fields": []}]);
    answer(status, &body.to_string())
}

fn now() -> Timestamp {
    Timestamp::default()
}

fn rejected(call: Call, answer: &Answer) -> Rejection {
    match call {
        Call::Create | Call::Comment => saved(call, answer, now()).unwrap_err(),
        Call::Change => changed(answer, now()).unwrap_err(),
        Call::Read | Call::LookUp | Call::Ask => body(call, answer, now()).unwrap_err(),
    }
}

fn create(answer: &Answer) -> Failure {
    *rejected(Call::Create, answer).failure
}

fn outcome(failure: &Failure) -> (FailureKind, FailureClass, bool) {
    (failure.kind, failure.class, failure.outcome_unknown)
}

const IN_DOUBT: (FailureKind, FailureClass, bool) = (
    FailureKind::NetworkFailure,
    class(FailureScope::Network, ResolvedBy::Time),
    true,
);

#[test]
fn a_created_record_is_confirmed_by_its_id() {
    let body = format!(r#"{{"id":"{ID}","success":true,"errors":[],"created":true}}"#);
    let saved = saved(Call::Create, &answer(201, &body), now()).unwrap();
    assert_eq!((saved.id.as_str(), saved.existed), (ID, false));
}

#[test]
fn an_upsert_that_found_a_record_says_so() {
    let body = format!(r#"{{"id":"{ID}","success":true,"errors":[],"created":false}}"#);
    assert!(
        saved(Call::Create, &answer(200, &body), now())
            .unwrap()
            .existed
    );
}

#[test]
fn g16_a_success_without_an_id_is_not_success_and_leaves_doubt() {
    for body in [
        "{}",
        r#"{"success":true}"#,
        r#"{"id":null}"#,
        r#"{"id":"","success":true}"#,
        r#"{"id":"INC1"}"#,
    ] {
        for status in [200, 201] {
            assert_eq!(
                outcome(&create(&answer(status, body))),
                IN_DOUBT,
                "{status} {body}"
            );
        }
    }
}

#[test]
fn g16_an_answer_that_promises_to_finish_later_is_not_success() {
    let body = format!(r#"{{"requestId":"a-1","id":"{ID}"}}"#);
    assert_eq!(outcome(&create(&answer(202, &body))), IN_DOUBT);
}

#[test]
fn an_empty_success_to_an_upsert_is_not_success() {
    assert_eq!(outcome(&create(&answer(204, ""))), IN_DOUBT);
}

#[test]
fn rule_2_a_success_with_an_unreadable_body_leaves_doubt() {
    for answer in [page(200), answer(201, "{\"id\": \"500"), answer(200, "[]")] {
        assert_eq!(outcome(&create(&answer)), IN_DOUBT);
    }
}

#[test]
fn g16_success_false_is_a_refusal_whatever_the_status() {
    let bare = create(&answer(200, r#"{"success":false,"errors":[]}"#));
    assert_eq!(bare.kind, FailureKind::IntegrationFailure);
    let told = format!(
        r#"{{"id":"{ID}","success":false,"errors":[{{"statusCode":"STRING_TOO_LONG","message":"m","fields":["Subject"]}}]}}"#
    );
    let told = create(&answer(201, &told));
    assert_eq!(told.remedy(), Remedy::GiveUp);
    assert_eq!(told.code.as_deref(), Some("STRING_TOO_LONG"));
    assert_eq!(told.field.as_deref(), Some("Subject"));
}

#[test]
fn rule_2_answers_of_something_in_between_leave_doubt() {
    for status in [406, 408, 420, 500, 502, 503, 504] {
        assert_eq!(outcome(&create(&page(status))), IN_DOUBT, "{status}");
        assert_eq!(outcome(&create(&answer(status, ""))), IN_DOUBT, "{status}");
    }
}

#[test]
fn a_read_is_never_in_doubt() {
    for answer in [page(200), page(503), error(500, "UNKNOWN_EXCEPTION", "x")] {
        for call in [Call::Read, Call::LookUp, Call::Ask] {
            assert!(!rejected(call, &answer).failure.outcome_unknown);
        }
    }
}

#[test]
fn rule_3_an_ended_session_can_be_renewed() {
    let ended = error(401, "INVALID_SESSION_ID", "Session expired or invalid");
    let rejection = rejected(Call::Create, &ended);
    assert_eq!(rejection.cause, Cause::Unauthenticated);
    let held = (
        FailureKind::AuthFailure,
        class(FailureScope::User, ResolvedBy::PersonInCrm),
        false,
    );
    assert_eq!(outcome(&rejection.failure), held);
}

#[test]
fn rule_3_a_session_that_may_not_use_the_api_is_not_renewed() {
    for message in [
        "This session is not valid for use with the REST API",
        "Connected app is not attached to Agent",
    ] {
        let rejection = rejected(Call::Read, &error(401, "INVALID_SESSION_ID", message));
        assert_eq!(rejection.cause, Cause::Other);
        assert_eq!(rejection.failure.remedy(), Remedy::HoldTarget);
        assert_eq!(rejection.failure.kind, FailureKind::AuthFailure);
    }
}

#[test]
fn rule_4_used_up_calls_pause_the_target_for_a_quarter_of_an_hour() {
    let refused = error(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.",
    );
    let refused = with(refused, "sforce-limit-info", "api-usage=15000/15000");
    let failure = create(&refused);
    let pause = Remedy::PauseTarget(Some(Duration::from_secs(900)));
    assert_eq!(failure.remedy(), pause);
    assert_eq!(outcome(&failure), (FailureKind::RateLimited, WAITS, false));
    assert_eq!(failure.code.as_deref(), Some("REQUEST_LIMIT_EXCEEDED"));
}

#[test]
fn rule_4_with_headroom_the_pause_is_short() {
    let message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
    let refused = error(403, "REQUEST_LIMIT_EXCEEDED", message);
    let refused = with(refused, "sforce-limit-info", "api-usage=18/15000");
    let pause = Remedy::PauseTarget(Some(Duration::from_secs(30)));
    assert_eq!(create(&refused).remedy(), pause);
}

#[test]
fn g18_a_429_pauses_the_target_for_as_long_as_it_says() {
    let pause = |seconds| Remedy::PauseTarget(Some(Duration::from_secs(seconds)));
    let own = error(429, "REQUEST_LIMIT_EXCEEDED", "m");
    let failure = create(&with(own, "retry-after", "700"));
    assert_eq!(failure.remedy(), pause(700));
    assert_eq!(outcome(&failure), (FailureKind::RateLimited, WAITS, false));
}

#[test]
fn a_429_that_is_not_in_salesforces_words_is_believed_for_five_minutes_at_most() {
    let pause = |seconds| Remedy::PauseTarget(Some(Duration::from_secs(seconds)));
    let in_front = class(FailureScope::Network, ResolvedBy::Time);
    let failure = create(&with(answer(429, ""), "retry-after", "7"));
    assert_eq!(failure.remedy(), pause(7));
    assert_eq!(
        outcome(&failure),
        (FailureKind::RateLimited, in_front, false)
    );
    assert!(!failure.doubts_login());
    let failure = create(&with(page(429), "retry-after", "3600"));
    assert_eq!(failure.remedy(), pause(300));
    assert_eq!(create(&page(429)).remedy(), Remedy::PauseTarget(None));
}

#[test]
fn rule_5_what_passes_pauses_the_target_and_a_locked_row_is_retried() {
    for (status, code) in [
        (400, "QUERY_TIMEOUT"),
        (403, "TXN_SECURITY_METERING_ERROR"),
        (503, "SERVER_UNAVAILABLE"),
        (400, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"),
        (503, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"),
        (403, "API_CURRENTLY_DISABLED"),
    ] {
        let failure = create(&error(status, code, "m"));
        assert_eq!(failure.class, WAITS, "{code}");
        assert_eq!(failure.remedy(), Remedy::PauseTarget(None), "{code}");
    }
    for (status, code) in [(400, "UNABLE_TO_LOCK_ROW"), (500, "UNKNOWN_EXCEPTION")] {
        assert_eq!(create(&error(status, code, "m")).remedy(), Remedy::Retry);
    }
}

#[test]
fn a_refusal_says_that_nothing_was_done_also_with_a_5xx() {
    let maintenance = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE";
    assert!(!create(&error(503, maintenance, "m")).outcome_unknown);
    for code in ["SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "SOMETHING_NEW"] {
        assert!(create(&error(503, code, "m")).outcome_unknown, "{code}");
    }
}

#[test]
fn what_a_trigger_met_counts_where_it_is_about_more_than_the_record() {
    let message = "CaseTrigger: execution of AfterInsert caused by: System.DmlException: Insert \
                   failed. First exception on row 0; first error: STORAGE_LIMIT_EXCEEDED, full";
    let failure = create(&error(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message));
    let full = class(FailureScope::Organisation, ResolvedBy::PersonInCrm);
    assert_eq!(failure.class, full);
    let message = "first error: STRING_TOO_LONG, Log__c: data value too large";
    let failure = create(&error(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message));
    assert_eq!(failure.remedy(), Remedy::Retry);
}

#[test]
fn our_user_is_held_whatever_the_status_of_its_refusal() {
    let held = class(FailureScope::User, ResolvedBy::PersonInCrm);
    for (status, code) in [
        (401, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"),
        (403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"),
        (403, "API_DISABLED_FOR_ORG"),
        (403, "INVALID_LOGIN"),
        (500, "PASSWORD_LOCKOUT"),
    ] {
        for call in [Call::Create, Call::Change, Call::Read, Call::Ask] {
            let rejection = rejected(call, &error(status, code, "m"));
            let expected = (FailureKind::AuthFailure, held, false);
            assert_eq!(outcome(&rejection.failure), expected, "{status} {code}");
            assert_eq!(rejection.cause, Cause::Other);
        }
    }
}

#[test]
fn a_missing_right_is_the_users_for_a_new_record_and_the_records_for_an_old_one() {
    for (call, scope) in [
        (Call::Create, FailureScope::User),
        (Call::Change, FailureScope::Ticket),
        (Call::Comment, FailureScope::Ticket),
    ] {
        let right = error(403, "INSUFFICIENT_ACCESS_OR_READONLY", "m");
        let failure = rejected(call, &right).failure;
        assert_eq!(failure.class, class(scope, ResolvedBy::PersonInCrm));
    }
}

#[test]
fn a_host_that_the_org_has_left_makes_the_login_doubtful() {
    let not_reset = error(400, "URL_NOT_RESET", "Destination URL not reset");
    for answer in [not_reset, page(404), page(410), answer(410, ""), page(401)] {
        for call in [Call::Create, Call::Change, Call::Read, Call::Ask] {
            let failure = rejected(call, &answer).failure;
            assert!(failure.doubts_login(), "{} {call:?}", answer.status);
        }
    }
}

#[test]
fn only_salesforces_own_json_is_its_word() {
    for status in [400, 403, 404, 405, 407, 410, 413, 451, 500, 503] {
        for body in [
            r#"{"message":"Forbidden"}"#,
            "<?xml version=\"1.0\"?><fault><code>900800</code></fault>",
            r#"{"fault":{"faultstring":"x","detail":{"errorcode":"steps.x"}}}"#,
            "",
        ] {
            let failure = create(&answer(status, body));
            assert_eq!(outcome(&failure), IN_DOUBT, "{status} {body}");
        }
    }
}

#[test]
fn a_maintenance_page_that_names_a_time_pauses_the_target_for_it() {
    for (asked, waited) in [("120", 120), ("3600", 300)] {
        let page = with(page(503), "retry-after", asked);
        let pause = Remedy::PauseTarget(Some(Duration::from_secs(waited)));
        assert_eq!(create(&page).remedy(), pause);
    }
}

#[test]
fn a_redirect_may_be_the_address_or_a_login_in_front() {
    let place = "https://sso.example.com/login?SAMLRequest=s3cret";
    let failure = create(&with(answer(302, ""), "location", place));
    assert!(failure.message.contains("https://sso.example.com/login"));
    assert!(failure.message.contains("base_url"), "{failure}");
    assert!(failure.message.contains("in front"), "{failure}");
    assert!(!failure.message.contains("s3cret"));
}

#[test]
fn a_refusal_stays_one_where_a_gateway_has_made_a_success_of_its_status() {
    for call in [Call::Create, Call::Change, Call::Read] {
        let refused = error(200, "STORAGE_LIMIT_EXCEEDED", "m");
        let failure = rejected(call, &refused).failure;
        let full = class(FailureScope::Organisation, ResolvedBy::PersonInCrm);
        assert_eq!((failure.class, failure.outcome_unknown), (full, false));
    }
}

#[test]
fn a_locked_record_is_parked() {
    let locked = error(400, "ENTITY_IS_LOCKED", "the entity is locked for editing");
    assert_eq!(
        rejected(Call::Change, &locked).failure.remedy(),
        Remedy::Park
    );
}

#[test]
fn a_missing_field_is_named_and_is_no_refused_value() {
    let failure = create(&error(
        400,
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [Reason__c, Site__c]",
    ));
    let configuration = class(FailureScope::Ticket, ResolvedBy::PersonInConfiguration);
    assert_eq!(failure.class, configuration);
    assert_eq!(failure.field.as_deref(), Some("Reason__c, Site__c"));
    assert!(!failure.refuses_value);
}

#[test]
fn a_refused_value_says_so_where_a_field_was_sent() {
    for code in [
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "STRING_TOO_LONG",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_FIELD",
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INACTIVE_OWNER_OR_USER",
        "INVALID_EMAIL_ADDRESS",
        "NUMBER_OUTSIDE_VALID_RANGE",
    ] {
        for call in [Call::Create, Call::Change] {
            let failure = rejected(call, &error(400, code, "m")).failure;
            let refused = class(FailureScope::Ticket, ResolvedBy::Nothing);
            assert_eq!(
                (failure.class, failure.refuses_value),
                (refused, true),
                "{code}"
            );
        }
        let comment = rejected(Call::Comment, &error(400, code, "m")).failure;
        assert!(!comment.refuses_value, "{code}");
    }
    let rule = create(&error(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "m"));
    assert!(!rule.refuses_value, "a rule may want another value");
}

#[test]
fn rule_5_a_lock_inside_of_a_triggers_message_is_retried() {
    let message = "CaseTrigger: execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW, …";
    for code in [
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "FIELD_INTEGRITY_EXCEPTION",
    ] {
        let failure = create(&error(400, code, message));
        let retried = (
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Time),
            false,
        );
        assert_eq!(outcome(&failure), retried);
    }
}

#[test]
fn rule_6_a_value_that_is_there_already_is_told_apart() {
    let message = "duplicate value found: Ringdown_Id__c duplicates value on record with id: 001Vr";
    let rejection = rejected(Call::Create, &error(400, "DUPLICATE_VALUE", message));
    assert_eq!(rejection.cause, Cause::Duplicate);
}

#[test]
fn rule_7_several_records_with_one_key_are_a_refusal_that_names_them() {
    let body =
        r#"["/services/data/v64.0/sobjects/Case/500A","/services/data/v64.0/sobjects/Case/500B"]"#;
    for call in [Call::Create, Call::Read] {
        let failure = rejected(call, &answer(300, body)).failure;
        let refused = (
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::PersonInCrm),
            false,
        );
        assert_eq!(outcome(&failure), refused);
        assert_eq!(failure.code.as_deref(), Some("DUPLICATE_KEY"));
        assert!(
            failure.message.contains("500A, 500B"),
            "{}",
            failure.message
        );
    }
}

#[test]
fn rule_8_an_unknown_object_or_key_field_holds_the_target() {
    let message = "Provided external ID field does not exist or is not accessible: Key__c";
    let failure = create(&error(404, "NOT_FOUND", message));
    let held = (
        FailureKind::IntegrationFailure,
        class(
            FailureScope::Configuration,
            ResolvedBy::PersonInConfiguration,
        ),
        false,
    );
    assert_eq!(outcome(&failure), held);
    assert!(failure.message.contains("Key__c"));
}

#[test]
fn rule_8_a_record_that_is_gone_is_told_apart() {
    for code in ["NOT_FOUND", "ENTITY_IS_DELETED"] {
        for call in [Call::Read, Call::Change] {
            let rejection = rejected(call, &error(404, code, "m"));
            assert_eq!(rejection.cause, Cause::Absent);
            assert_eq!(rejection.failure.remedy(), Remedy::GiveUp);
        }
    }
}

#[test]
fn rule_8_a_404_that_is_not_salesforces_does_not_mean_gone() {
    for answer in [page(404), answer(404, "")] {
        assert_ne!(rejected(Call::Read, &answer).cause, Cause::Absent);
    }
}

#[test]
fn g15_rule_9_a_validation_rule_is_an_integration_failure_with_code_message_and_field() {
    let body = r#"[{"message":"Reason must be given","errorCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","fields":["Reason__c"]}]"#;
    let failure = create(&answer(400, body));
    let refused = (
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        false,
    );
    assert_eq!(outcome(&failure), refused);
    assert_eq!(
        failure.code.as_deref(),
        Some("FIELD_CUSTOM_VALIDATION_EXCEPTION")
    );
    assert_eq!(failure.message, "Reason must be given");
    assert_eq!(failure.field.as_deref(), Some("Reason__c"));
    assert_eq!(failure.status, Some(400));
}

#[test]
fn rule_9_refusals_of_content_mapping_and_rights_are_given_up_in_any_language() {
    for (status, code) in [
        (400, "REQUIRED_FIELD_MISSING"),
        (400, "INVALID_FIELD"),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (400, "STRING_TOO_LONG"),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (400, "MALFORMED_ID"),
        (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"),
        (404, "INVALID_CROSS_REFERENCE_KEY"),
        (405, "METHOD_NOT_ALLOWED"),
    ] {
        let failure = create(&error(status, code, "Campos obrigatórios ausentes"));
        assert_eq!(failure.kind, FailureKind::IntegrationFailure, "{code}");
        assert_eq!(failure.remedy(), Remedy::GiveUp, "{code}");
    }
}

#[test]
fn a_403_is_a_limit_or_a_right_or_something_in_front() {
    let right = create(&error(403, "INSUFFICIENT_ACCESS_OR_READONLY", "m"));
    let limit = create(&error(403, "REQUEST_LIMIT_EXCEEDED", "m"));
    let front = create(&page(403));
    assert_eq!(right.kind, FailureKind::IntegrationFailure);
    assert_eq!(limit.kind, FailureKind::RateLimited);
    assert_eq!(front.class.scope, FailureScope::Network);
    assert_eq!(front.kind, FailureKind::NetworkFailure);
}

#[test]
fn an_alert_rule_for_duplicates_is_read_although_it_has_no_fields() {
    let body = r#"[{"duplicateResut":{"allowSave":false},"errorCode":"DUPLICATES_DETECTED","message":"You're creating a duplicate record."}]"#;
    let failure = create(&answer(400, body));
    assert_eq!(failure.remedy(), Remedy::GiveUp);
    assert_eq!(failure.code.as_deref(), Some("DUPLICATES_DETECTED"));
}

#[test]
fn rule_11_an_unknown_code_is_retried_before_it_is_given_up() {
    for code in [
        "APEX_ERROR",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "SOMETHING_NEW",
    ] {
        let failure = create(&error(400, code, "m"));
        let retried = (
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Time),
            false,
        );
        assert_eq!(outcome(&failure), retried, "{code}");
    }
}

#[test]
fn a_retired_version_or_a_disabled_api_holds_the_target() {
    for (status, code) in [
        (410, "UNSUPPORTED_API_VERSION"),
        (403, "API_DISABLED_FOR_ORG"),
    ] {
        assert_eq!(
            create(&error(status, code, "m")).remedy(),
            Remedy::HoldTarget
        );
    }
}

#[test]
fn a_ticket_that_cannot_be_looked_up_holds_the_target() {
    for call in [Call::Read, Call::LookUp] {
        let failure = rejected(call, &error(400, "INVALID_FIELD", "No such column")).failure;
        assert_eq!(failure.remedy(), Remedy::HoldTarget);
    }
    let comment = rejected(Call::Ask, &error(400, "INVALID_TYPE", "FeedItem")).failure;
    assert_eq!(comment.remedy(), Remedy::GiveUp);
}

#[test]
fn a_redirect_holds_the_target_and_says_where_it_pointed_without_its_query() {
    let moved = with(
        answer(302, ""),
        "location",
        "https://acme.lightning.force.com/x?sid=s3cret",
    );
    let failure = create(&moved);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(
        failure
            .message
            .contains("https://acme.lightning.force.com/x")
    );
    assert!(!failure.message.contains("s3cret"));
}

#[test]
fn a_change_is_confirmed_by_an_empty_204_and_by_nothing_vague() {
    assert_eq!(changed(&answer(204, ""), now()), Ok(()));
    for vague in [answer(200, "{}"), page(200), answer(202, r#"{"id":"x"}"#)] {
        assert_eq!(outcome(&rejected(Call::Change, &vague).failure), IN_DOUBT);
    }
}

/// The answer to a call of several, with these parts.
fn composite(answered: &[(u16, &str, &str)]) -> Answer {
    let part = |(status, code, message): &(u16, &str, &str)| {
        let body = match status {
            201 => serde_json::json!({"id": ID, "success": true, "errors": []}),
            _ => serde_json::json!([{"errorCode": code, "message": message}]),
        };
        serde_json::json!({"body": body, "httpHeaders": {}, "httpStatusCode": status})
    };
    let parts: Vec<_> = answered.iter().map(part).collect();
    answer(
        200,
        &serde_json::json!({"compositeResponse": parts}).to_string(),
    )
}

#[test]
fn rule_3_a_session_that_ends_in_a_part_is_one_of_the_whole_call_unless_something_was_written() {
    const ENDED: (u16, &str, &str) = (401, "INVALID_SESSION_ID", "Session expired or invalid");
    const UNDONE: (u16, &str, &str) = (400, "PROCESSING_HALTED", "rolled back");
    const SAVED: (u16, &str, &str) = (201, "", "");
    let is_of_whole = |call, answered: &[_]| {
        let refused = parts(call, &composite(answered), now()).err();
        refused.is_some_and(|one| one.cause == Cause::Unauthenticated)
    };
    assert!(is_of_whole(Call::Comment, &[UNDONE, ENDED]));
    assert!(is_of_whole(Call::Read, &[SAVED, ENDED]));
    assert!(!is_of_whole(Call::Comment, &[SAVED, ENDED]));
    assert!(!is_of_whole(Call::Comment, &[SAVED, SAVED]));
}

#[test]
fn rule_4_a_limit_in_a_part_is_judged_by_the_header_of_the_whole_answer() {
    let words = "TotalRequests Limit exceeded.";
    let refused = composite(&[(403, "REQUEST_LIMIT_EXCEEDED", words)]);
    let wait = |whole: &Answer| {
        let parts = parts(Call::Comment, whole, now()).unwrap();
        let refused = accept(Call::Comment, &parts[0], now()).unwrap_err();
        refused.failure.wait.unwrap().as_secs()
    };
    assert_eq!(wait(&refused), 900);
    assert_eq!(
        wait(&with(refused, "sforce-limit-info", "api-usage=18/5000")),
        30
    );
}
