//! The routes of the Table API and of the aggregate API.
//!
//! Imports nothing of ours outside this simulator.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::incident::Write;
use super::query::Query;
use super::row::Row;
use super::schema;
use super::state::State;
use super::view::View;
use super::{controls, policies};
use crate::credentials::USERNAME;
use crate::wire::{Answer, Request};

/// Rows of a list when the request names no limit.
const DEFAULT_LIMIT: usize = 10_000;

impl State {
    /// Answers a request below `/api/now/`.
    ///
    /// # Errors
    ///
    /// The refusal, as the instance words it.
    pub(super) fn api(&mut self, request: &Request) -> Result<Answer, Failure> {
        if !self.switches.api_access {
            return Err(Failure::new(
                403,
                "User Not Authorized",
                "Failed API level ACL Validation",
            ));
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().skip(2).map(String::as_str).collect();
        let (version, rest) = match segments.as_slice() {
            [version @ ("v1" | "v2"), rest @ ..] => (format!("{version}/"), rest),
            rest => (String::new(), rest),
        };
        let view = View::of(request, &version);
        let method = request.method.as_str();
        match (method, rest) {
            ("GET", ["stats", table]) => self.count(request, table),
            (_, ["table", table, ..]) if schema::columns(table).is_none() => {
                Err(Failure::new(400, &format!("Invalid table {table}"), ""))
            }
            ("GET", ["table", table]) => self.list(request, table, &view, version == "v1/"),
            ("GET", ["table", table, id]) => self.read(table, id, &view),
            ("POST", ["table", "incident"]) => self.post(request, &view),
            ("PUT" | "PATCH", ["table", "incident", id]) => self.patch(request, id, &view),
            ("DELETE", ["table", "incident", id]) => self.delete(id),
            ("POST", ["table", _]) => Err(Failure::acl("Insert")),
            ("PUT" | "PATCH", ["table", _, _]) => Err(Failure::acl("Update")),
            ("DELETE", ["table", _, _]) => Err(Failure::acl("Delete")),
            (_, ["table", _] | ["table", _, _]) => {
                Err(Failure::new(405, "Method not supported", method))
            }
            _ => Err(Failure::no_resource()),
        }
    }

    fn post(&mut self, request: &Request, view: &View) -> Result<Answer, Failure> {
        let body = body_of(request)?;
        let id = self.insert(write(request, &body))?;
        if self.switches.read_denied_after_create {
            return Err(Failure::acl("Insert"));
        }
        let location = view.address("incident", &id);
        let answer = match request.header("x-no-response-body") {
            Some("true") => Answer::empty(201),
            _ => Answer::json(201, &self.shown(&id, view)),
        };
        Ok(answer.with("location", location))
    }

    fn patch(&mut self, request: &Request, id: &str, view: &View) -> Result<Answer, Failure> {
        let body = body_of(request)?;
        self.update(id, write(request, &body))?;
        Ok(Answer::json(200, &self.shown(id, view)))
    }

    fn delete(&mut self, id: &str) -> Result<Answer, Failure> {
        if self.tables.incident(id).is_none() {
            return Err(Failure::no_record());
        }
        if !self.switches.may_delete {
            return Err(Failure::acl("Delete"));
        }
        self.tables.remove(id);
        self.run_business_rule(id, "delete");
        Ok(Answer::empty(204))
    }

    fn shown(&self, id: &str, view: &View) -> Value {
        let record = self
            .tables
            .incident(id)
            .map(|row| view.record(&self.tables, "incident", row));
        json!({"result": record})
    }

    fn read(&self, table: &str, id: &str, view: &View) -> Result<Answer, Failure> {
        if table == "incident" && self.tables.incident(id).is_some() {
            return Ok(Answer::json(200, &self.shown(id, view)));
        }
        let rows = self.readable(table);
        let row = rows
            .iter()
            .find(|row| row.get("sys_id").is_some_and(|own| own == id))
            .ok_or_else(Failure::no_record)?;
        let record = view.record(&self.tables, table, row);
        Ok(Answer::json(200, &json!({"result": record})))
    }

    fn list(
        &self,
        request: &Request,
        table: &str,
        view: &View,
        empty_is_404: bool,
    ) -> Result<Answer, Failure> {
        let rows = self.selected(request, table)?;
        if rows.is_empty() && empty_is_404 {
            return Err(Failure::no_record());
        }
        let page = Page::of(request, rows.len());
        let records: Vec<Value> = rows
            .iter()
            .skip(page.offset)
            .take(page.limit)
            .map(|row| view.record(&self.tables, table, row))
            .collect();
        let answer = Answer::json(200, &json!({"result": records}));
        Ok(page.on(answer, request))
    }

    fn count(&self, request: &Request, table: &str) -> Result<Answer, Failure> {
        let count = self.selected(request, table)?.len().to_string();
        Ok(Answer::json(
            200,
            &json!({"result": {"stats": {"count": count}}}),
        ))
    }

    fn selected(&self, request: &Request, table: &str) -> Result<Vec<Row>, Failure> {
        let columns = schema::columns(table)
            .ok_or_else(|| Failure::new(400, &format!("Invalid table {table}"), ""))?;
        let encoded = request
            .query
            .get("sysparm_query")
            .map_or("", String::as_str);
        let bare = request
            .query
            .iter()
            .filter(|(name, _)| !name.starts_with("sysparm_") && *name != "x-sn-apikey");
        // Of scripts in queries, the instance here knows this one.
        let user = self.tables.id_of("sys_user", USERNAME).unwrap_or_default();
        let encoded = encoded.replace("javascript:gs.getUserID()", &user);
        let query = Query::parse(&encoded, bare, columns, &self.switches)?;
        Ok(query.select(&self.readable(table)))
    }

    /// The rows that the user may read.
    fn readable(&self, table: &str) -> Cow<'_, [Row]> {
        let is_hidden = self
            .switches
            .unreadable_tables
            .iter()
            .any(|one| one == table)
            || (table == "sys_journal_field" && !self.switches.may_read_journal);
        if is_hidden {
            return Cow::Borrowed(&[]);
        }
        let mut rows = self.all_rows(table);
        let columns = self.switches.unreadable_columns.iter();
        for column in columns.filter_map(|one| one.strip_prefix(table)?.strip_prefix('.')) {
            for row in rows.to_mut() {
                row.remove(column);
            }
        }
        rows
    }

    fn all_rows(&self, table: &str) -> Cow<'_, [Row]> {
        let described = |row: &Row| self.described(row.clone());
        let is_seen = |row: &&Row| {
            let of = row.get("name");
            of.is_none_or(|of| !self.switches.undescribed_tables.contains(of))
        };
        match table {
            "sys_dictionary" => {
                let rows = self.tables.rows(table);
                Cow::Owned(rows.iter().filter(is_seen).map(described).collect())
            }
            "sys_user_has_role" => {
                let user = self.tables.id_of("sys_user", USERNAME).unwrap_or_default();
                Cow::Owned(controls::roles(&user, &self.switches))
            }
            "sys_security_acl" => Cow::Owned(controls::controls(&self.switches)),
            "sys_security_acl_role" => Cow::Owned(controls::control_roles(&self.switches)),
            "sys_data_policy2" => Cow::Owned(policies::policies(&self.switches)),
            "sys_data_policy_rule" => Cow::Owned(policies::rules(&self.switches)),
            _ => self.tables.rows(table),
        }
    }

    /// A row of the dictionary as the switches have it.
    fn described(&self, mut row: Row) -> Row {
        let name = row.get("element").cloned().unwrap_or_default();
        let mut mark = |column: &str, names: &[String]| {
            let word = if names.contains(&name) {
                "true"
            } else {
                "false"
            };
            row.insert(column.to_owned(), word.to_owned());
        };
        mark("mandatory", &self.switches.mandatory_fields);
        mark("unique", &self.switches.unique_fields);
        if let Some(length) = self.switches.field_lengths.get(&name) {
            row.insert("max_length".to_owned(), length.to_string());
        }
        row
    }
}

fn write<'body>(request: &Request, body: &'body Map<String, Value>) -> Write<'body> {
    let display_input = request
        .query
        .get("sysparm_input_display_value")
        .is_some_and(|value| value == "true");
    Write {
        body,
        display_input,
        user: USERNAME,
    }
}

/// The fields of the body; of an array only the first element counts.
fn body_of(request: &Request) -> Result<Map<String, Value>, Failure> {
    let kind = request.header("content-type").unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Failure::new(
            415,
            "Unsupported media type",
            format!("Content-Type {kind:?} is not supported"),
        ));
    }
    let body = match request.json() {
        Some(Value::Array(records)) => records.into_iter().next(),
        other => other,
    };
    match body {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(Failure::new(
            400,
            "Exception while reading request",
            "The payload is not valid JSON",
        )),
    }
}

/// A part of a list.
struct Page {
    offset: usize,
    limit: usize,
    total: usize,
}

impl Page {
    fn of(request: &Request, total: usize) -> Self {
        let number = |name: &str| request.query.get(name)?.parse().ok();
        Self {
            offset: number("sysparm_offset").unwrap_or(0),
            limit: number("sysparm_limit").unwrap_or(DEFAULT_LIMIT),
            total,
        }
    }

    fn on(&self, answer: Answer, request: &Request) -> Answer {
        let asked = |name: &str| request.query.get(name).is_some_and(|value| value == "true");
        let mut answer = answer;
        if !asked("sysparm_no_count") {
            answer = answer.with("x-total-count", self.total.to_string());
        }
        if !asked("sysparm_suppress_pagination_header") && self.limit > 0 {
            answer = answer.with("link", self.links(request).join(","));
        }
        answer
    }

    fn links(&self, request: &Request) -> Vec<String> {
        let last = self.total.saturating_sub(1) / self.limit * self.limit;
        let next = self.offset + self.limit;
        let link = |offset: usize, rel: &str| {
            let mut query = request.query.clone();
            query.insert("sysparm_offset".to_owned(), offset.to_string());
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .finish();
            format!("<{}{}?{query}>;rel=\"{rel}\"", request.origin, request.path)
        };
        let mut links = vec![link(0, "first"), link(last, "last")];
        if next < self.total {
            links.push(link(next, "next"));
        }
        if self.offset > 0 {
            links.push(link(self.offset.saturating_sub(self.limit), "prev"));
        }
        links
    }
}
