//! The description of the API says what there is, and what it says is true.

use reqwest::Method;
use ringdown::admin::{Access, endpoints};
use ringdown::settings::Role;
use serde_json::{Value, json};

use crate::admin::schema::faults;
use crate::admin::world::{OPEN, OPERATOR, World};

const DOCUMENT: &str = "/api/v1/openapi.json";

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

/// The path with ids of what the filled world has.
fn filled(path: &str) -> String {
    let id = match path {
        path if path.starts_with("/api/v1/incidents/") => OPEN,
        path if path.starts_with("/api/v1/dead-letters/") => "2",
        _ => "1",
    };
    let path = path.replace("{id}", id).replace("{queue_id}", "q-1");
    match path.contains("/floods/") {
        true => path.replace("{name}", "genesys"),
        false => path.replace("{name}", "servicenow"),
    }
}

#[tokio::test]
async fn every_route_is_described_with_the_role_it_needs() {
    let world = World::empty().await;
    let document = world.get(DOCUMENT).await.json();
    let described = operations(&document);
    assert_eq!(described.len(), endpoints().len());
    for endpoint in endpoints() {
        let operation = &document["paths"][endpoint.path][endpoint.method.as_str().to_lowercase()];
        let role = match endpoint.access {
            Access::Open => Value::Null,
            Access::Role(Role::Viewer) => json!("viewer"),
            Access::Role(Role::Operator) => json!("operator"),
        };
        assert_eq!(operation["x-role"], role, "{}", endpoint.path);
        assert_eq!(operation["summary"], endpoint.summary);
        assert!(
            operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .any(|status| status.starts_with('2'))
        );
    }
    let text = document.to_string();
    let named = regex::Regex::new(r"#/components/schemas/([A-Za-z_]+)").unwrap();
    for (_, [name]) in named.captures_iter(&text).map(|found| found.extract()) {
        assert!(!document["components"]["schemas"][name].is_null(), "{name}");
    }
}

fn sample(parameter: &Value) -> String {
    let schema = &parameter["schema"];
    let first = |list: &Value| list[0].as_str().map(str::to_owned);
    match parameter["name"].as_str().unwrap() {
        "since" | "until" => return "2026-11-30T10:00:00Z".to_owned(),
        "rule" => return "queue-wait".to_owned(),
        "source" => return "genesys".to_owned(),
        "target" => return "servicenow".to_owned(),
        "cursor" => return "MTc5NTQ0Mjg1MDAwMCAx".to_owned(),
        "limit" => return "7".to_owned(),
        _ => {}
    }
    first(&schema["enum"])
        .or_else(|| first(&schema["items"]["enum"]))
        .unwrap_or_else(|| match schema["type"].as_str() {
            Some("boolean") => "true".to_owned(),
            _ => "1".to_owned(),
        })
}

#[tokio::test]
async fn what_is_described_is_understood_and_anything_else_is_refused() {
    let world = World::filled().await;
    let document = world.get(DOCUMENT).await.json();
    for (method, path, operation) in operations(&document) {
        if operation["x-role"].is_null() {
            continue;
        }
        let method: Method = method.parse().unwrap();
        let ask = async |query: &str| {
            let path = format!("{}?{query}", filled(&path));
            let request = world.request(method.clone(), &path).bearer_auth(OPERATOR);
            world.send(request).await
        };
        let takes_any = operation["parameters"].as_array().unwrap();
        let takes_any = takes_any.iter().any(|one| one["in"] == "query");
        if takes_any || method != Method::GET {
            let answer = ask("nonsense=1").await;
            assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] != "query" || (path.ends_with("/timeline") && name == "cursor") {
                continue;
            }
            let answer = ask(&format!("{name}={}", sample(parameter))).await;
            // Another reason than the parameter: a body that is missing, a group with a cursor.
            let is_unknown = answer.text.contains("There is no filter");
            assert!(!is_unknown, "{method} {path} {name}: {}", answer.text);
            if method == Method::GET {
                assert_eq!(answer.status, 200, "{path} {name}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn every_answer_is_as_it_is_described() {
    let world = World::filled().await;
    let document = world.get(DOCUMENT).await.json();
    let mut checked = 0;
    for (method, path, operation) in operations(&document) {
        if method != "GET" || path == "/metrics" || path.contains("/silences/{id}") {
            continue;
        }
        let mut paths = vec![filled(&path)];
        match path.as_str() {
            "/api/v1/why" => paths = vec!["/api/v1/why?q=e-1".into(), "/api/v1/why?q=q-1".into()],
            "/api/v1/incidents" => paths.push("/api/v1/incidents?sort=worst".to_owned()),
            "/api/v1/review" => paths.push("/api/v1/review?group=reason".to_owned()),
            _ => {}
        }
        for path in paths {
            let answer = world.get(&path).await;
            let status = answer.status.to_string();
            assert!(answer.status < 400, "{path}: {}", answer.text);
            let content = &operation["responses"][&status]["content"]["application/json"];
            let found = faults(&document, &content["schema"], &answer.json());
            assert!(found.is_empty(), "{path}: {found:#?}\n{}", answer.text);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
    let refused = world.get("/api/v1/events?limit=0").await;
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    assert_eq!(
        faults(&document, &problem, &refused.json()),
        Vec::<String>::new()
    );
    // The check itself sees what is missing, of another type, and not described.
    let event = json!({ "$ref": "#/components/schemas/EventView" });
    let wrong = json!({ "id": 7, "extra": true });
    assert!(faults(&document, &event, &wrong).len() > 3);
}
