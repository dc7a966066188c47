//! The requests of this client, as values.
//!
//! Pure; may import: `domain::ticket`.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use url::Url;

use super::ids::RecordId;
use super::rejection::Call;
use crate::domain::ticket::{TicketFields, TicketKey};

/// Characters that a path holds unescaped. A dot would be read as a file's suffix.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// Runs, or does not run, the org's assignment rules. Without this header they run at every
/// change, and take a ticket from the person who works on it.
const AUTO_ASSIGN: &str = "sforce-auto-assign";
/// Saves a ticket that an *alert* rule takes for a duplicate: our key decides about that.
const DUPLICATE_RULES: (&str, &str) = ("sforce-duplicate-rule-header", "allowSave=true");

/// One request, under `/services/data/VERSION/`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// What it means when the answer is judged.
    pub(super) call: Call,
    pub(super) method: Method,
    pub(super) body: Option<Value>,
    /// Headers besides the usual ones.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    target: Target,
}

#[derive(Debug, Clone, PartialEq)]
enum Target {
    /// Segments of a path, and a query.
    Path(Vec<String>, Option<(&'static str, String)>),
    /// The next page of a query: a path that carries its own version.
    Page(String),
}

impl Request {
    /// Opens the ticket of `key`, or sets its fields again if there is one. The key stands in
    /// the path only: in the body it would be refused.
    pub(super) fn upsert(object: &str, field: &str, key: &TicketKey, fields: TicketFields) -> Self {
        let path = sobject(&[object, field, key.as_str()]);
        let mut fields = fields;
        fields.retain(|name, _| !name.eq_ignore_ascii_case(field) && name != "Id");
        Self::new(Call::Create, Method::PATCH, path)
            .with_body(fields)
            .opening()
    }

    /// Opens a ticket; repeating it opens another.
    pub(super) fn insert(object: &str, fields: TicketFields) -> Self {
        let path = sobject(&[object]);
        let mut fields = fields;
        fields.retain(|name, _| name != "Id");
        Self::new(Call::Create, Method::POST, path)
            .with_body(fields)
            .opening()
    }

    /// Adds a comment; repeating it adds another.
    pub(super) fn comment(object: &str, body: TicketFields) -> Self {
        Self::new(Call::Comment, Method::POST, sobject(&[object])).with_body(body)
    }

    /// Changes a ticket and leaves its owner alone.
    pub(super) fn change(object: &str, id: &RecordId, fields: TicketFields) -> Self {
        let mut request = Self::new(Call::Change, Method::PATCH, sobject(&[object, id.as_str()]))
            .with_body(fields);
        request.headers.push((AUTO_ASSIGN, "FALSE"));
        request
    }

    /// Reads `fields` of a ticket.
    pub(super) fn read(object: &str, id: &RecordId, fields: &[String]) -> Self {
        Self::new(Call::Read, Method::GET, sobject(&[object, id.as_str()]))
            .with_query("fields", fields.join(","))
    }

    /// Reads `fields` of the ticket whose external id `field` is `key`.
    pub(super) fn find(object: &str, field: &str, key: &TicketKey, fields: &[String]) -> Self {
        let path = sobject(&[object, field, key.as_str()]);
        Self::new(Call::Read, Method::GET, path).with_query("fields", fields.join(","))
    }

    /// Runs a query for the purpose of `call`.
    pub(super) fn query(call: Call, soql: String) -> Self {
        Self::new(call, Method::GET, vec!["query".to_owned()]).with_query("q", soql)
    }

    /// Runs a query that shows deleted records too.
    pub(super) fn query_all(call: Call, soql: String) -> Self {
        Self::new(call, Method::GET, vec!["queryAll".to_owned()]).with_query("q", soql)
    }

    /// Reads the next page of a query.
    pub(super) fn page(call: Call, path: &str) -> Self {
        let mut request = Self::new(call, Method::GET, Vec::new());
        request.target = Target::Page(path.to_owned());
        request
    }

    /// Sends `parts` in one call, which runs them in their order. With `all_or_none` all of them have
    /// an effect, or none.
    pub(super) fn together(call: Call, version: &str, parts: &[Self], all_or_none: bool) -> Self {
        let parts: Vec<Value> = parts
            .iter()
            .enumerate()
            .map(|(number, part)| part.as_part(version, number))
            .collect();
        let mut body = TicketFields::new();
        body.insert("allOrNone".to_owned(), all_or_none.into());
        body.insert("compositeRequest".to_owned(), parts.into());
        Self::new(call, Method::POST, vec!["composite".to_owned()]).with_body(body)
    }

    fn as_part(&self, version: &str, number: usize) -> Value {
        let headers = self.headers.iter();
        let headers: TicketFields = headers
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        let mut part = json!({
            "method": self.method.as_str(), "url": self.place(version),
            "referenceId": format!("part{number}"), "httpHeaders": headers,
        });
        if let (Some(body), Some(part)) = (&self.body, part.as_object_mut()) {
            part.insert("body".to_owned(), body.clone());
        }
        part
    }

    /// Lists the resources of the API. A session without the right to use the API cannot.
    pub(super) fn resources() -> Self {
        Self::new(Call::Ask, Method::GET, vec![String::new()])
    }

    /// Describes `object` as our user may see it.
    pub(super) fn describe(object: &str) -> Self {
        Self::new(Call::Ask, Method::GET, sobject(&[object, "describe"]))
    }

    fn new(call: Call, method: Method, path: Vec<String>) -> Self {
        Self {
            call,
            method,
            body: None,
            headers: Vec::new(),
            target: Target::Path(path, None),
        }
    }

    fn with_body(mut self, fields: TicketFields) -> Self {
        self.body = Some(Value::Object(fields));
        self
    }

    fn with_query(mut self, name: &'static str, value: String) -> Self {
        if let Target::Path(_, query) = &mut self.target {
            *query = Some((name, value));
        }
        self
    }

    fn opening(mut self) -> Self {
        self.headers.push((AUTO_ASSIGN, "TRUE"));
        self.headers.push(DUPLICATE_RULES);
        self
    }

    /// Its address at the instance `site`; `None` for a page that is not on this instance,
    /// which would carry the token elsewhere.
    pub(super) fn address(&self, site: &Url, version: &str) -> Option<Url> {
        match &self.target {
            Target::Page(path) => {
                let url = site.join(path).ok()?;
                let is_here = url.origin() == site.origin();
                (is_here && url.path().starts_with("/services/data/")).then_some(url)
            }
            Target::Path(..) => site.join(&self.place(version)).ok(),
        }
    }

    /// Its address without the instance.
    fn place(&self, version: &str) -> String {
        match &self.target {
            Target::Page(path) => path.clone(),
            Target::Path(path, query) => {
                let encoded: Vec<String> = path
                    .iter()
                    .map(|part| utf8_percent_encode(part, PLAIN).to_string())
                    .collect();
                let query = query.as_ref().map_or_else(String::new, |(name, value)| {
                    format!("?{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
                });
                format!("/services/data/{version}/{}{query}", encoded.join("/"))
            }
        }
    }
}

fn sobject(path: &[&str]) -> Vec<String> {
    let parts = std::iter::once("sobjects").chain(path.iter().copied());
    parts.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::IncidentId;

    fn site() -> Url {
        Url::parse("https://acme.my.salesforce.com/").unwrap()
    }

    fn address(request: &Request) -> String {
        request.address(&site(), "v64.0").unwrap().to_string()
    }

    fn fields(value: &Value) -> TicketFields {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_key_stands_in_the_path_and_never_in_the_body() {
        let key = TicketKey::of_incident(&IncidentId::new("0190-1"));
        let given = fields(&json!({"Subject": "s", "Id": "x", "ringdown_id__c": "rd-x"}));
        let request = Request::upsert("Case", "Ringdown_Id__c", &key, given);
        assert_eq!(
            address(&request),
            "https://acme.my.salesforce.com/services/data/v64.0/sobjects/Case/Ringdown_Id__c/rd-0190-1"
        );
        assert_eq!(request.body, Some(json!({"Subject": "s"})));
    }

    #[test]
    fn whatever_a_key_holds_it_stays_one_segment_of_the_path() {
        let key = TicketKey::of_incident(&IncidentId::new("a/b?c#d e.inc%"));
        let request = Request::find("Case", "Key__c", &key, &["Id".to_owned()]);
        assert!(address(&request).contains("/Key__c/rd-a%2Fb%3Fc%23d%20e%2Einc%25?fields=Id"));
    }

    #[test]
    fn assignment_rules_run_when_a_ticket_is_opened_and_never_when_it_is_changed() {
        let key = TicketKey::of_incident(&IncidentId::new("1"));
        let id = RecordId::parse("500000000000001AAA").unwrap();
        let open = Request::upsert("Case", "Key__c", &key, TicketFields::new());
        let change = Request::change("Case", &id, TicketFields::new());
        assert!(open.headers.contains(&(AUTO_ASSIGN, "TRUE")));
        assert!(change.headers.contains(&(AUTO_ASSIGN, "FALSE")));
    }

    #[test]
    fn a_query_is_encoded_whole() {
        let request = Request::query(
            Call::LookUp,
            "SELECT Id FROM Case WHERE Subject LIKE '%[a+b&c]%'".to_owned(),
        );
        assert!(address(&request).ends_with(
            "/services/data/v64.0/query?q=SELECT%20Id%20FROM%20Case%20WHERE%20Subject%20LIKE%20%27%25%5Ba%2Bb%26c%5D%25%27"
        ));
    }

    #[test]
    fn the_next_page_is_read_from_the_same_instance_only() {
        let page = |path: &str| {
            Request::page(Call::Ask, path)
                .address(&site(), "v64.0")
                .map(String::from)
        };
        assert_eq!(
            page("/services/data/v61.0/query/01g-2000").unwrap(),
            "https://acme.my.salesforce.com/services/data/v61.0/query/01g-2000"
        );
        for elsewhere in [
            "https://evil.example/services/data/v61.0/query/01g",
            "//evil.example/services/data/v61.0/query/01g",
            "/secur/frontdoor.jsp",
        ] {
            assert_eq!(page(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_probe_asks_for_what_the_api_offers() {
        assert_eq!(
            address(&Request::resources()),
            "https://acme.my.salesforce.com/services/data/v64.0/"
        );
    }
}
