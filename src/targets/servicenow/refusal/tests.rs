//! Refusals as instances and gateways word them.

use serde_json::json;

use super::*;

fn refusal(message: &str, detail: &str) -> Refusal {
    let body = json!({"error": {"message": message, "detail": detail}, "status": "failure"});
    Refusal::in_body(&body).unwrap()
}

#[test]
fn g15_a_business_rule_is_named() {
    let refusal = refusal(
        "Operation Failed",
        "Operation against file 'incident' was aborted by Business Rule \
         'Check caller^5230b1f6c0a8016400f2d7e7d9a1af79'. Business Rule Stack:Check caller",
    );
    assert_eq!(
        refusal.reason(),
        Reason::BusinessRule("Check caller".to_owned())
    );
    assert_eq!(refusal.code(), "Business Rule 'Check caller'");
}

#[test]
fn g15_a_data_policy_names_the_fields_that_it_misses() {
    let refusal = refusal(
        "Operation Failed",
        "Data Policy Exception: The following fields are mandatory: Resolution code, \
         Resolution notes",
    );
    assert_eq!(
        refusal.field().as_deref(),
        Some("Resolution code, Resolution notes")
    );
    assert_eq!(refusal.code(), "Data Policy Exception");
}

#[test]
fn a_name_with_an_apostrophe_is_whole() {
    let rule = "Don't allow 'blank' caller";
    let detail = format!(
        "Operation against file 'incident' was aborted by Business Rule \
         '{rule}^5230b1f6c0a8016400f2d7e7d9a1af79'. Business Rule Stack:{rule}"
    );
    let stacked = refusal("Operation Failed", &detail);
    assert_eq!(stacked.reason(), Reason::BusinessRule(rule.to_owned()));
    let (without_stack, _) = detail.split_once(" Business Rule Stack").unwrap();
    let alone = refusal("Operation Failed", without_stack);
    assert_eq!(alone.reason(), Reason::BusinessRule(rule.to_owned()));
}

#[test]
fn a_refused_value_names_its_field_where_the_instance_does() {
    for (detail, field) in [
        (
            "Data Policy Exception: The following fields are read only: Category",
            Some("Category"),
        ),
        (
            "Data truncation: Data too long for column 'incident.u_site' at row 1",
            Some("u_site"),
        ),
        ("Invalid choice for field 'category'", Some("category")),
        ("x is not a valid reference", None),
    ] {
        let refusal = refusal("Operation Failed", detail);
        assert_eq!(refusal.reason(), Reason::Value, "{detail}");
        assert_eq!(refusal.field().as_deref(), field, "{detail}");
    }
}

#[test]
fn an_error_of_a_gateway_is_not_the_instances() {
    for body in [
        json!({"message": "Forbidden"}),
        json!({"error": {"code": "Forbidden", "message": "denied"}}),
        json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "denied"}}),
        json!({"timestamp": 1, "status": 403, "error": "Forbidden", "path": "/api/now"}),
        json!({"error": null}),
    ] {
        assert_eq!(Refusal::in_body(&body), None, "{body}");
    }
    let text = json!({"error": "no", "status": "failure"});
    assert_eq!(Refusal::in_body(&text).unwrap().sentence(), "no");
}

#[test]
fn a_violated_index_is_named_without_its_table() {
    for (words, index) in [
        ("Duplicate entry 'x' for key 'PRIMARY'", Some("PRIMARY")),
        (
            "Unique Key violation detected by database ((conn=1) Duplicate entry 'x' for key \
             'incident.u_queue_unique')",
            Some("u_queue_unique"),
        ),
        ("Unique Key violation detected by database", None),
    ] {
        assert_eq!(violated_index(words), index, "{words}");
    }
}

#[test]
fn the_known_refusals_are_told_apart() {
    for (message, detail, reason) in [
        (
            "Operation Failed",
            "ACL Exception Insert Failed due to security constraints",
            Reason::AccessControl,
        ),
        (
            "User Not Authorized",
            "Failed API level ACL Validation",
            Reason::ApiAccessControl,
        ),
        ("User Not Authorized", "no rights", Reason::ApiAccessControl),
        (
            "Forbidden",
            "Missing required api access scope",
            Reason::Scope,
        ),
        (
            "Insufficient rights to query records",
            "Field(s) present in the query do not have permission to be read",
            Reason::Query,
        ),
        (
            "Transaction cancelled: maximum execution time exceeded",
            "",
            Reason::Cancelled,
        ),
        ("Invalid table u_typo", "", Reason::NoApi),
        (
            "Requested URI does not represent any resource",
            "",
            Reason::NoApi,
        ),
        ("Operation Failed", "validation", Reason::Other),
    ] {
        assert_eq!(refusal(message, detail).reason(), reason, "{message}");
    }
}

#[test]
fn the_detail_is_shown_and_the_message_where_there_is_none() {
    assert_eq!(refusal("Operation Failed", "why").sentence(), "why");
    let without = json!({"error": {"message": "Requested URI", "detail": null}});
    assert_eq!(
        Refusal::in_body(&without).unwrap().sentence(),
        "Requested URI"
    );
    assert_eq!(Refusal::in_body(&json!({"result": []})), None);
}
