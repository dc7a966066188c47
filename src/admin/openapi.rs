//! The description of the API: OpenAPI 3.1, made from the table of the routes, the types of their
//! handlers and the tables of their parameters.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::parameters::{filter_body, in_query};
use super::routes::{Access, Endpoint};
use super::signature::{NamedSchemas, SentBody, Signature};
use crate::settings::Role;

const PROBLEM: &str = "application/problem+json";

/// The description of all `routes`.
pub(super) fn document(routes: &[(Endpoint, Signature)]) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for (endpoint, signature) in routes {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let operation = operation(endpoint, signature);
        paths
            .entry(endpoint.path)
            .or_default()
            .insert(method, operation);
        add_schemas(&mut schemas, &signature.sent, |schema| schema);
        add_schemas(&mut schemas, &signature.answered, all_there);
    }
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ringdown's admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Lists are newest first and come in pages: `next` of one page is the \
                `cursor` of the next. A parameter that is not understood is refused. A text holds no NUL. \
                Every change is in the audit log.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer",
                "description": "A token of `[admin.tokens]`. Without any configured, this machine alone is served." } },
        },
    })
}

fn operation(endpoint: &Endpoint, signature: &Signature) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } }))
    });
    let mut parameters: Vec<Value> = in_path.collect();
    let has_path = !parameters.is_empty();
    if let Some(takes) = &signature.parameters {
        let is_bulk = matches!(signature.body, Some(SentBody::Filter));
        parameters.extend(in_query(takes, is_bulk));
    }
    let mut described = json!({
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": responses(endpoint, signature, has_path),
    });
    if let Access::Role(role) = endpoint.access {
        let role = match role {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
        };
        described["security"] = json!([{ "token": [] }]);
        described["x-role"] = role.into();
        described["description"] = format!("Needs a token with the role `{role}`.").into();
    }
    if let Some(body) = &signature.body {
        let (schema, is_required) = match body {
            SentBody::Filter => (filter_body(signature.parameters.as_ref()), false),
            SentBody::Json {
                schema,
                may_be_empty,
            } => (schema.clone(), !may_be_empty),
        };
        described["requestBody"] = json!({
            "required": is_required, "content": { "application/json": { "schema": schema } } });
    }
    described
}

fn responses(endpoint: &Endpoint, signature: &Signature, has_path: bool) -> Value {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for (status, media, schema) in &signature.answers {
        let schema = all_there(json!(schema));
        let known = responses.entry(status.to_string()).or_insert_with(
            || json!({ "description": "Done.", "content": { *media: { "schema": { "anyOf": [] } } } }),
        );
        if let Some(any) = known["content"][*media]["schema"]["anyOf"].as_array_mut() {
            any.push(schema);
        }
    }
    for (status, description) in refusals(endpoint, signature, has_path) {
        responses.entry(status.to_string()).or_insert_with(|| {
            json!({ "description": description,
                "content": { PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" } } } })
        });
    }
    json!(responses)
}

/// How a request to this route can be refused.
fn refusals(
    endpoint: &Endpoint,
    signature: &Signature,
    has_path: bool,
) -> Vec<(u16, &'static str)> {
    let mut refusals = vec![
        (
            403,
            "The host is not this listener, or the token's role is not enough.",
        ),
        (500, "A defect; the log has more."),
        (
            503,
            "The database cannot be used, or the request took too long. Try again.",
        ),
    ];
    if let Access::Role(_) = endpoint.access {
        refusals.extend([
            (400, "Something in the request is not understood."),
            (401, "A token is missing or wrong."),
            (408, "The body came too slowly."),
            (413, "The body is too long."),
            (429, "Too many wrong tokens came from this address."),
        ]);
    }
    if has_path {
        refusals.extend([
            (404, "There is no such item."),
            (409, "Not possible now, or the name can mean several items."),
        ]);
    }
    if signature.body.is_some() {
        refusals.push((409, "Not possible now."));
    }
    refusals
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "pattern": "^urn:ringdown:problem:[a-z-]+$",
                "description": "Stable: programs tell problems apart by it." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "The cause in this case, and the remedy." },
            "instance": { "type": "string", "description": "The request's id, as in `x-request-id`." },
        },
    })
}

fn add_schemas(all: &mut Map<String, Value>, named: &NamedSchemas, change: fn(Value) -> Value) {
    for (name, schema) in named {
        all.entry(name.clone())
            .or_insert_with(|| change(json!(schema)));
    }
}

/// The schema of an answer. Its members are always there, also those that are null; and an answer
/// of several forms may fit more than one of them, as an empty list does.
fn all_there(mut schema: Value) -> Value {
    match &mut schema {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = all_there(item.take())),
        Value::Object(members) => {
            for member in members.values_mut() {
                *member = all_there(member.take());
            }
            if let Some(forms) = members.remove("oneOf") {
                members.insert("anyOf".to_owned(), forms);
            }
            let optional = members.get("properties").and_then(Value::as_object);
            let there = optional
                .into_iter()
                .flatten()
                .filter(|(_, schema)| is_nullable(schema));
            let there: Vec<Value> = there.map(|(name, _)| json!(name)).collect();
            if !there.is_empty() {
                let required = members.entry("required").or_insert_with(|| json!([]));
                if let Some(required) = required.as_array_mut() {
                    required.extend(there);
                }
            }
        }
        _ => {}
    }
    schema
}

fn is_nullable(schema: &Value) -> bool {
    let is_null = |kind: &Value| kind == "null";
    let by_type = schema["type"]
        .as_array()
        .is_some_and(|kinds| kinds.iter().any(is_null));
    let forms = schema["anyOf"].as_array();
    by_type || forms.is_some_and(|forms| forms.iter().any(|form| is_null(&form["type"])))
}
