//! The body of a CRM's callback: which tickets changed. Nothing else is read from it.
//!
//! Three shapes: ServiceNow's REST message (JSON), Salesforce's Flow (JSON) and Salesforce's
//! Outbound Message (SOAP). Pure.

use axum::body::Bytes;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::json::PlainJson;

/// Tickets that one callback may name; Salesforce sends at most 100.
const MAX_TICKETS: usize = 200;
/// Nested elements; an Outbound Message has six.
const MAX_DEPTH: usize = 32;
/// Longest text taken for an id.
const MAX_ID_LENGTH: usize = 64;
/// Where JSON keeps a record's id, the most particular name first: `id` alone can be the id of
/// the message in a ServiceNow script that somebody wrote.
const ID_NAMES: [&str; 4] = ["sys_id", "recordId", "Id", "id"];
/// Where an Outbound Message keeps it.
const ID_PATH: [&str; 6] = [
    "Envelope",
    "Body",
    "notifications",
    "Notification",
    "sObject",
    "Id",
];

/// Finds the record id in a text, as the CRM of the target writes it.
pub(super) type RecordId = fn(&str) -> Option<String>;

/// A callback that says nothing usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallbackBodyFault {
    #[error("the body is not JSON")]
    NotJson,
    #[error("the body is not well-formed XML in UTF-8")]
    NotXml,
    /// A document type, which could define entities.
    #[error("the body has a document type or an entity of its own, which is not accepted")]
    DocumentType,
    #[error("the body names no ticket: send its record id as sys_id, recordId, Id or id")]
    NoTicket,
    #[error("the body names more than 200 tickets")]
    TooMany,
}

/// The record ids in a JSON callback: one object, or an array of them.
pub(super) fn in_json(body: &Bytes, record_id: RecordId) -> Result<Vec<String>, CallbackBodyFault> {
    let json = without_bom(body);
    let PlainJson(body) = serde_json::from_slice(json).map_err(|_| CallbackBodyFault::NotJson)?;
    let items = match &body {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    if items.len() > MAX_TICKETS {
        return Err(CallbackBodyFault::TooMany);
    }
    let id = |item: &Value| id_in(item, record_id).ok_or(CallbackBodyFault::NoTicket);
    let ids: Vec<String> = items.iter().map(id).collect::<Result<_, _>>()?;
    some(ids)
}

/// The record id in `item`, or in the record in it. ServiceNow shows a field as its text or as an
/// object with `value`.
fn id_in(item: &Value, record_id: RecordId) -> Option<String> {
    let records = [Some(item), item.get("record"), item.get("result")];
    ID_NAMES.iter().find_map(|name| {
        records.iter().flatten().find_map(|record| {
            let field = record.get(*name)?;
            let text = field.as_str().or_else(|| field.get("value")?.as_str())?;
            usable(text, record_id)
        })
    })
}

/// `body` without a byte order mark in UTF-8.
fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// Whether `body` looks like JSON. Scripts of administrators often declare no type, or a wrong one.
pub(super) fn looks_like_json(body: &[u8]) -> bool {
    let start = without_bom(body).trim_ascii_start();
    start.starts_with(b"{") || start.starts_with(b"[")
}

/// The record ids in an Outbound Message.
pub(super) fn in_soap(body: &Bytes, record_id: RecordId) -> Result<Vec<String>, CallbackBodyFault> {
    let text = std::str::from_utf8(body).map_err(|_| CallbackBodyFault::NotXml)?;
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut ids = Vec::new();
    let mut roots = 0_u8;
    loop {
        match reader.read_event().map_err(|_| CallbackBodyFault::NotXml)? {
            Event::Start(element) => {
                roots += u8::from(path.is_empty());
                path.push(element.local_name().into_inner().to_owned());
                if path.len() > MAX_DEPTH || roots > 1 {
                    return Err(CallbackBodyFault::NotXml);
                }
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Text(found) => {
                let found: &str = &found;
                if path == ID_PATH {
                    ids.push(usable(found, record_id).ok_or(CallbackBodyFault::NoTicket)?);
                } else if path.is_empty() && !found.trim().is_empty() {
                    return Err(CallbackBodyFault::NotXml);
                }
            }
            Event::GeneralRef(reference) => check_reference(&reference)?,
            Event::DocType(_) => return Err(CallbackBodyFault::DocumentType),
            Event::Eof if path.is_empty() && roots == 1 => break,
            Event::Eof => return Err(CallbackBodyFault::NotXml),
            Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
        }
        if ids.len() > MAX_TICKETS {
            return Err(CallbackBodyFault::TooMany);
        }
    }
    some(ids)
}

/// The references that XML itself defines stand for one character each; any other would have
/// to be defined by a document type.
fn check_reference(name: &str) -> Result<(), CallbackBodyFault> {
    let is_own = matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") || name.starts_with('#');
    is_own.then_some(()).ok_or(CallbackBodyFault::DocumentType)
}

fn some(mut ids: Vec<String>) -> Result<Vec<String>, CallbackBodyFault> {
    ids.sort();
    ids.dedup();
    match ids.is_empty() {
        true => Err(CallbackBodyFault::NoTicket),
        false => Ok(ids),
    }
}

fn usable(text: &str, record_id: RecordId) -> Option<String> {
    let text = text.trim();
    // The id is in an index of the database.
    let fits = !text.is_empty() && text.len() <= MAX_ID_LENGTH;
    fits.then(|| record_id(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters and digits.
    fn plain(text: &str) -> Option<String> {
        let is_id = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_id.then(|| text.to_owned())
    }

    fn soap(notifications: &str) -> Bytes {
        Bytes::from(format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">
  <OrganizationId>00D70000000IVNpEAO</OrganizationId><ActionId>04k700000008OI1</ActionId>
  <SessionId xsi:nil="true"/>
  {notifications}</notifications></soapenv:Body></soapenv:Envelope>"#
        ))
    }

    fn notification(id: &str) -> String {
        format!(
            r#"<Notification><Id>04l7000000DjbKjAAJ</Id><sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>{id}</sf:Id><sf:Subject>R&amp;D &#x41;</sf:Subject></sObject></Notification>"#
        )
    }

    #[test]
    fn an_outbound_message_names_every_ticket_once_and_not_its_own_ids() {
        let two = notification("5007000000OFL5FAAX") + &notification("5007000000OFL6FAAX");
        let again = two.clone() + &notification("5007000000OFL5FAAX");
        let expected = ["5007000000OFL5FAAX", "5007000000OFL6FAAX"].map(str::to_owned);
        assert_eq!(in_soap(&soap(&two), plain), Ok(expected.to_vec()));
        assert_eq!(in_soap(&soap(&again), plain), Ok(expected.to_vec()));
    }

    #[test]
    fn an_id_is_what_the_crm_of_the_target_takes_for_one() {
        let issue = |text: &str| {
            let (project, number) = text.split_once('-')?;
            (project == "PROJ" && number.parse::<u32>().is_ok()).then(|| text.to_owned())
        };
        let named = Bytes::from(r#"{"id":"10012","Id":"PROJ-12"}"#);
        assert_eq!(in_json(&named, issue), Ok(vec!["PROJ-12".to_owned()]));
        let other = Bytes::from(r#"{"id":"PROJ-x"}"#);
        assert_eq!(in_json(&other, issue), Err(CallbackBodyFault::NoTicket));
    }

    #[test]
    fn a_document_type_and_entities_of_its_own_are_refused() {
        let laughs =
            r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Envelope>&b;</Envelope>"#;
        let outside = r#"<!DOCTYPE x SYSTEM "file:///etc/passwd"><Envelope/>"#;
        for text in [laughs, outside, "<Envelope>&a;</Envelope>"] {
            let fault = in_soap(&Bytes::from_static(text.as_bytes()), plain);
            assert_eq!(fault, Err(CallbackBodyFault::DocumentType), "{text}");
        }
    }

    #[test]
    fn xml_that_is_not_well_formed_is_refused() {
        let deep = "<a>".repeat(1000) + &"</a>".repeat(1000);
        let whole = String::from_utf8(soap(&notification("5007000000OFL5FAAX")).to_vec()).unwrap();
        let cut = whole[..whole.len() - 20].to_owned();
        let twice = whole
            .replace(r#"<?xml version="1.0" encoding="UTF-8"?>"#, "")
            .repeat(2);
        for text in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/>x",
            "<a b=></a",
            &deep,
            &cut,
            &twice,
        ] {
            let fault = in_soap(&Bytes::from(text.to_owned()), plain);
            assert!(
                matches!(
                    fault,
                    Err(CallbackBodyFault::NotXml | CallbackBodyFault::NoTicket)
                ),
                "{text}: {fault:?}"
            );
        }
        assert_eq!(
            in_soap(&Bytes::from(cut), plain),
            Err(CallbackBodyFault::NotXml)
        );
        assert_eq!(
            in_soap(&Bytes::from_static(b"\xff\xfe<\0a\0"), plain),
            Err(CallbackBodyFault::NotXml)
        );
    }

    #[test]
    fn json_names_its_ticket_in_the_ways_of_both_crms() {
        let id = "c537bae64f411200adf9f8e18110c76e";
        for text in [
            format!(r#"{{"sys_id":"{id}","number":"INC0010002","state":"6"}}"#),
            format!(r#"{{"id":"{id}-3","sys_id":"{id}"}}"#),
            format!(r#"[{{"Id":"{id}"}}]"#),
            format!(r#"{{"id":"{id}","Status":"Closed"}}"#),
            format!(r#"{{"record":{{"sys_id":"{id}"}}}}"#),
            format!(r#"{{"id":"e1","result":{{"sys_id":"{id}"}}}}"#),
            format!(r#"{{"sys_id":{{"value":"{id}","display_value":"{id}"}}}}"#),
            format!("\u{feff}{{\"sys_id\":\"{id}\"}}"),
        ] {
            assert_eq!(
                in_json(&Bytes::from(text.clone()), plain),
                Ok(vec![id.to_owned()]),
                "{text}"
            );
        }
        for text in [
            "{}",
            "[]",
            "7",
            r#"{"id":7}"#,
            r#"{"id":"a' or 1=1"}"#,
            "null",
        ] {
            let fault = in_json(&Bytes::from_static(text.as_bytes()), plain);
            assert_eq!(fault, Err(CallbackBodyFault::NoTicket), "{text}");
        }
        assert_eq!(
            in_json(&Bytes::from_static(b"{"), plain),
            Err(CallbackBodyFault::NotJson)
        );
    }
}
