//! The requests of this client, as values.
//!
//! The path names version 2 of the Table API: there an empty list is a success, while in
//! version 1 it is a 404. Pure; may import: nothing outside this client.

use http::Method;
use url::{Url, form_urlencoded};

use super::body::Body;
use super::ids::SysId;
use super::query::Query;
use super::rejection::Call;

/// The fields a ticket is read from.
pub(super) const TICKET_FIELDS: &str = "sys_id,number,state,active,correlation_id,sys_created_on,sys_updated_on,sys_mod_count,parent_incident,parent";

/// The fields that polling reads.
pub(super) const WATCHED_FIELDS: &str = "sys_id,number,state,active,correlation_id,priority,\
     assigned_to,assignment_group,sys_updated_on,sys_mod_count,sys_updated_by,close_code,parent_incident";

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// What it means when the answer is judged.
    pub(super) call: Call,
    pub(super) method: Method,
    pub(super) body: Option<Body>,
    path: Vec<String>,
    parameters: Vec<(&'static str, String)>,
}

impl Request {
    /// Inserts a record. The reply holds all its fields, because it is the proof.
    pub(super) fn insert(table: &str, body: Body) -> Self {
        Self::new(Call::Create, Method::POST, vec![table.to_owned()]).with_body(body)
    }

    pub(super) fn change(table: &str, id: &SysId, body: Body) -> Self {
        let path = vec![table.to_owned(), id.as_str().to_owned()];
        Self::new(Call::Change, Method::PATCH, path).with_body(body)
    }

    /// Reads `fields` of one record.
    pub(super) fn read(table: &str, id: &SysId, fields: &str) -> Self {
        let path = vec![table.to_owned(), id.as_str().to_owned()];
        Self::new(Call::Read, Method::GET, path).with("sysparm_fields", fields)
    }

    /// Reads `fields` of one record as people see them; the only way to read a journal
    /// field without a right to the journal's own table.
    pub(super) fn read_as_shown(table: &str, id: &SysId, fields: &str) -> Self {
        let mut request = Self::read(table, id, fields);
        request.parameters[0] = ("sysparm_display_value", "true".to_owned());
        request
    }

    /// Reads `fields` of at most `limit` rows; `None` for any rows.
    pub(super) fn rows(table: &str, query: Option<&Query>, fields: &str, limit: u16) -> Self {
        let request = Self::new(Call::Read, Method::GET, vec![table.to_owned()])
            .with("sysparm_fields", fields)
            .with("sysparm_limit", &limit.to_string());
        match query {
            Some(query) => request.with("sysparm_query", query.as_str()),
            None => request,
        }
    }

    /// … with raw and displayed values, from row `offset` on.
    pub(super) fn watched(mut self, offset: usize) -> Self {
        self.parameters[0] = ("sysparm_display_value", "all".to_owned());
        self.starting_at(offset)
    }

    /// … from row `offset` on.
    pub(super) fn starting_at(self, offset: usize) -> Self {
        self.with("sysparm_offset", &offset.to_string())
    }

    fn new(call: Call, method: Method, path: Vec<String>) -> Self {
        Self {
            call,
            method,
            body: None,
            path,
            parameters: vec![
                ("sysparm_display_value", "false".to_owned()),
                ("sysparm_exclude_reference_link", "true".to_owned()),
            ],
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.parameters.push((name, value.to_owned()));
        self
    }

    fn with_body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Its address at the instance `base`, every part percent-encoded.
    pub(super) fn address(&self, base: &Url) -> Url {
        let mut url = base.clone();
        // Fails for addresses that cannot have a path, which the settings do not let through.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["api", "now", "v2", "table"])
                .extend(&self.path);
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.parameters)
            .finish();
        // A space as `%20`: not everything in front of an instance reads `+` as one.
        url.set_query(Some(&query.replace('+', "%20")));
        url
    }
}

#[cfg(test)]
mod tests {
    use super::super::query::Literal;
    use super::*;
    use crate::domain::identity::IncidentId;
    use crate::domain::ticket::TicketKey;

    const ID: &str = "c537bae64f411200adf9f8e18110c76e";

    fn base() -> Url {
        Url::parse("https://example.service-now.com/").unwrap()
    }

    #[test]
    fn an_insert_asks_for_raw_values_and_the_whole_record() {
        let request = Request::insert("incident", Body::new());
        assert_eq!(
            request.address(&base()).as_str(),
            "https://example.service-now.com/api/now/v2/table/incident\
             ?sysparm_display_value=false&sysparm_exclude_reference_link=true"
        );
        assert_eq!(request.method, Method::POST);
    }

    #[test]
    fn a_look_up_is_encoded_whole() {
        let literal = Literal::parse("R&D = 1+1?").unwrap();
        let query = Query::equals("name", &literal).newest_first("sys_created_on");
        let address = Request::rows("sys_user_group", Some(&query), "sys_id,name", 2)
            .address(&base())
            .to_string();
        assert!(address.ends_with(
            "&sysparm_fields=sys_id%2Cname&sysparm_limit=2\
             &sysparm_query=name%3DR%26D%20%3D%201%2B1%3F%5EORDERBYDESCsys_created_on"
        ));
    }

    #[test]
    fn a_look_up_by_key_never_asks_for_open_tickets_only() {
        let key = TicketKey::of_incident(&IncidentId::new("3f9a"));
        let query = Query::equals("correlation_id", &Literal::from(&key));
        let request = Request::rows("incident", Some(&query), TICKET_FIELDS, 10);
        assert!(
            !request
                .address(&base())
                .query()
                .unwrap()
                .contains("active%3D")
        );
    }

    #[test]
    fn a_journal_is_read_as_shown() {
        let id = SysId::parse(ID).unwrap();
        let address = Request::read_as_shown("incident", &id, "work_notes").address(&base());
        assert!(address.path().ends_with(ID));
        assert!(address.as_str().contains("sysparm_display_value=true"));
        assert!(!address.as_str().contains("sysparm_display_value=false"));
    }

    #[test]
    fn an_instance_behind_a_path_keeps_its_path() {
        let proxy = Url::parse("https://gateway.example.com/snow/").unwrap();
        let address = Request::insert("incident", Body::new()).address(&proxy);
        assert_eq!(address.path(), "/snow/api/now/v2/table/incident");
    }
}
