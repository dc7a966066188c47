//! What instances, and things in front of them, have answered in the field, by name. The names are
//! those of the case files; a name that ends in another status is the same case so.

use serde_json::{Value, json};

use super::ServiceNow;
use super::failure::Failure;
use crate::crm::Crm;
use crate::wire::{Answer, Request};

/// A case: which requests it is about, and what they hear.
struct Case {
    name: &'static str,
    concerns: fn(&Request) -> bool,
    answer: fn(&ServiceNow, &Request) -> Answer,
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { name: "sn-in-front-407-html", concerns: is_data, answer: |_, _| {
        Answer::html(407, "<html>Proxy Authentication Required</html>")
    } },
    Case { name: "sn-in-front-403-gateway-json", concerns: is_data, answer: |_, _| {
        Answer::json(403, &json!({"message": "Forbidden"}))
    } },
    Case { name: "sn-in-front-400-html", concerns: is_data, answer: |_, _| {
        Answer::html(400, "<html><title>400 Request Header Or Cookie Too Large</title></html>")
    } },
    Case { name: "sn-401-empty", concerns: is_data, answer: |_, _| {
        Answer::empty(401).with("www-authenticate", "Basic realm=\"Service-now\"")
    } },
    Case { name: "sn-api-not-there", concerns: is_data, answer: |_, _| not_there(404) },
    Case { name: "sn-api-not-there-400", concerns: is_data, answer: |_, _| not_there(400) },
    Case { name: "sn-insert-acl-for-all", concerns: creates, answer: |_, _| {
        Failure::acl("Insert").answer()
    } },
    Case { name: "sn-rule-name-with-apostrophe", concerns: creates, answer: |_, _| {
        Failure::business_rule("Don't allow blank caller").answer()
    } },
    Case { name: "sn-unique-key-of-another-column", concerns: creates, answer: |_, _| {
        Failure::operation_failed("Unique Key violation detected by database ((conn=1) Duplicate \
            entry 'x' for key 'incident.u_queue_unique')").answer()
    } },
    Case { name: "sn-one-ticket-waf-200", concerns: creates, answer: |_, _| {
        Answer::html(200, "<html><title>Request Rejected</title>The requested URL was rejected. \
            Your support ID is: 1234567890123456789</html>")
    } },
    Case { name: "sn-201-rewritten-200", concerns: creates, answer: |instance, request| {
        let answer = instance.handle(request);
        let status = if answer.status == 201 { 200 } else { answer.status };
        Answer { status, ..answer }
    } },
    Case { name: "sn-success-bom", concerns: |_| true, answer: |instance, request| {
        let answer = instance.handle(request);
        let body = [b"\xEF\xBB\xBF", answer.body.as_slice()].concat();
        Answer { body, ..answer }
    } },
    Case { name: "sn-resolve-closed-at-once", concerns: resolves, answer: closed_at_once },
    Case { name: "sn-note-dropped", concerns: comments, answer: |instance, request| {
        let mut fields = request.json().unwrap_or_default();
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("work_notes");
        }
        instance.handle(&Request { body: fields.to_string().into_bytes(), ..request.clone() })
    } },
    Case { name: "sn-journal-over-2MiB", concerns: reads_journal, answer: long_journal },
    Case { name: "sn-token-401-table-shape", concerns: is_login, answer: |_, _| {
        Failure::not_authenticated().answer()
    } },
];

/// Their names.
pub(super) const NAMES: &[&str] = &{
    let mut names = [""; CASES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = CASES[index].name;
        index += 1;
    }
    names
};

pub(super) fn concerns(name: &str, request: &Request) -> bool {
    named(name).is_some_and(|case| (case.concerns)(request))
}

pub(super) fn answer(instance: &ServiceNow, name: &str, request: &Request) -> Option<Answer> {
    named(name).map(|case| (case.answer)(instance, request))
}

fn named(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

fn is_data(request: &Request) -> bool {
    request.path.starts_with("/api/now/")
}

fn is_login(request: &Request) -> bool {
    request.path == "/oauth_token.do"
}

fn creates(request: &Request) -> bool {
    is_data(request) && request.method == "POST"
}

fn sends(request: &Request, field: &str) -> Option<Value> {
    let is_change = is_data(request) && request.method == "PATCH";
    request.json().filter(|_| is_change)?.get(field).cloned()
}

fn resolves(request: &Request) -> bool {
    sends(request, "state").is_some_and(|state| state == "6")
}

fn comments(request: &Request) -> bool {
    sends(request, "work_notes").is_some()
}

fn reads_journal(request: &Request) -> bool {
    let parameter = |name: &str| request.query.get(name).map_or("", String::as_str);
    is_data(request)
        && parameter("sysparm_display_value") == "true"
        && parameter("sysparm_fields").contains("work_notes")
}

fn not_there(status: u16) -> Answer {
    Answer {
        status,
        ..Failure::no_resource().answer()
    }
}

/// A rule of the administrator closes what is resolved, before the reply is written.
fn closed_at_once(instance: &ServiceNow, request: &Request) -> Answer {
    let answer = instance.handle(request);
    let id = request.segments().pop().unwrap_or_default();
    if answer.status != 200 || !instance.close(&id) {
        return answer;
    }
    let mut read = request.clone();
    read.method = hyper::http::Method::GET;
    read.body = Vec::new();
    instance.handle(&read)
}

/// A chatty journal: 2.4 MB that other people wrote since.
fn long_journal(instance: &ServiceNow, request: &Request) -> Answer {
    let answer = instance.handle(request);
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer;
    };
    let entry = "2026-11-23 16:00:00 - Abel Agent (Work notes)\nStill looking.\n\n";
    body["result"]["work_notes"] = entry.repeat(2_400_000 / entry.len()).into();
    Answer {
        body: body.to_string().into_bytes(),
        ..answer
    }
}
