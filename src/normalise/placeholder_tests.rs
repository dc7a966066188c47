//! Which texts are placeholders, and which are ids and names.

use super::*;

const UNFILLED_IDS: &[&str] = &[
    "${input.entityId}",
    "$!{input.entityId}",
    "edge-${input.entityId}",
    "$input.entityId",
    "{queueId}",
    "{id}",
    "{0}",
    "{x}",
    "{{queue.id}}",
    "{{ queue_id }}",
    "<queueId>",
    "<queue>",
    "%entityId%",
    "[entityId]",
    "$.entityId",
    "$.detail.entityId",
    "$(entityId)",
    "$entityId",
    "#{entityId}",
    "@{triggerBody()}",
    "@{triggerBody()?['id']}",
    "<%= entityId %>",
    "__entityId__",
    ":entityId",
    "@entityId",
    "@triggerBody()?['queueId']",
    "@{triggerOutputs()['body']}",
    "@items('Each')['id']",
    "%QUEUE_ID%",
    "%%x%%",
    "%s",
    "$QUEUE",
    "__queue__",
    "[[queueId]]",
    "<<queueId>>",
    "#[payload.id]",
    "undefined",
    "NOT_SET",
    "N/A",
    "[object Object]",
    "-",
    "00000000-0000-0000-0000-000000000000",
    // Not closed, in quotes, in two languages at once.
    "{queueId",
    "<queueId",
    "${queueId",
    "\"null\"",
    "'undefined'",
    "\"\"",
    "$[x]",
    "<$.x>",
    "$x.y",
    "{%x%}",
    "{ {x} }",
    "＄{x}",
    "&entityId;",
    "Flow.queueId",
    "queueId",
    "entity_id",
    "unknown",
    "TBD",
    "empty",
];

#[test]
fn what_a_template_has_left_unfilled_is_no_id() {
    for text in UNFILLED_IDS {
        assert!(is_no_id(text), "{text}");
    }
}

#[test]
fn a_name_is_a_placeholder_only_where_it_is_called_like_a_variable() {
    for text in [
        "${trunkName}",
        "{trunkName}",
        "{x}",
        "{trunkName",
        "<trunkName>",
        "<name>",
        "<queue>",
        "[entityName]",
        "%QUEUE_NAME%",
        "$trunkName",
        "@trunk_name",
        ":entityName",
        "__name__",
        "[input.trunk]",
        "<$.name>",
        "$stage.trunk",
        "<0>",
        "undefined",
        "[object Object]",
    ] {
        assert!(is_placeholder(text), "{text}");
    }
    for text in [
        "[VIP]",
        "<Sales>",
        "@support",
        "$QUEUE",
        "%VIP%",
        "[sip.example.com]",
        "[VIP_EU]",
        "<McDonald>",
        "unknown",
        "queueId",
    ] {
        assert!(!is_placeholder(text) && !is_nothing(text), "{text}");
    }
}

#[test]
fn ids_of_other_kinds_are_taken() {
    for text in [
        "a81f0c3d-5a2e-4b77-98cd-63a1c7187e09",
        "{A81F0C3D-5A2E-4B77-98CD-63A1C7187E09}",
        "0",
        "17",
        "#1",
        "::1",
        "[::1]",
        "[2001:db8::1]",
        "sip:trunk@pbx.example",
        "<sip:trunk@pbx.example>",
        "arn:aws:sns:eu-central-1:1:x",
        "trunk_name_1",
        "FRA-EDGE-01",
        "nullable",
        "idle",
        "queue",
        "$5",
    ] {
        assert!(!is_no_id(text), "{text}");
    }
}

#[test]
fn words_for_no_value_are_no_names() {
    for text in [
        "null",
        "undefined",
        "None",
        "?",
        "N/A",
        "[object Object]",
        "\"null\"",
    ] {
        assert!(is_nothing(text), "{text}");
    }
    for text in ["Nonesuch", "nullable", "0", "not set up", "Sales N/A"] {
        assert!(!is_nothing(text), "{text}");
    }
}

#[test]
fn ordinary_texts_are_none() {
    for text in [
        "v2.analytics.queues.{id}.observations",
        "{\"a\": 1}",
        "costs $5",
        "a < b",
        "{two words}",
        "{}",
        "Sales {EMEA} North",
        "<b>bold</b>",
        "[Sales EMEA]",
        "[EMEA] Sales",
        "100% sure",
        "5 % and 6 %",
        "::1",
        "_internal",
        "a@b.example",
        ":5060 is closed",
        "@home (Berlin)",
        "10000000-0000-0000-0000-000000000000",
        "none",
        "Sales - EMEA",
        "203.0.113.17:5061: No response",
    ] {
        assert!(!is_placeholder(text), "{text}");
    }
}
