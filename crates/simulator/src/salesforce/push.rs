//! Messages to the outside when a ticket was saved: Outbound Messages (SOAP), and a Flow's
//! callout (JSON). A deletion triggers neither, as in Salesforce.

use serde_json::json;

use super::org::ORG_ID;
use super::schema;
use super::state::State;
use super::switches::PushKind;
use super::table::text;
use crate::message::{Push, Until};

/// Notes that a record was saved.
pub(super) fn saved(state: &mut State, object: &str, id: &str, operation: &'static str) {
    let Some(switch) = state.switches.push.clone() else {
        return;
    };
    if !schema::is_ticket(object) {
        return;
    }
    state.counter += 1;
    state.due.push(Push {
        url: switch.url,
        bearer: switch.bearer,
        ticket: id.to_owned(),
        message_id: format!("04l5g{:010}AAA", state.counter),
        operation,
        until: match switch.kind {
            PushKind::OutboundMessage => Until::Ack(switch.again_ms),
            PushKind::Flow => Until::Success(switch.again_ms),
        },
    });
}

/// The text of a message as of now; `None` when the ticket is gone.
pub(super) fn body(state: &State, push: &Push) -> Option<(&'static str, String)> {
    let (object, row) = ["Case", "Incident"].into_iter().find_map(|object| {
        let row = state.tables.get(object)?.get(&push.ticket)?;
        Some((object, &row.fields))
    })?;
    let (id, status) = (text(row, "Id"), text(row, "Status"));
    Some(match push.until {
        Until::Ack(_) => (
            "text/xml; charset=utf-8",
            envelope(object, push, id, status),
        ),
        _ => (
            "application/json",
            json!({"recordId": id, "status": status}).to_string(),
        ),
    })
}

fn envelope(object: &str, push: &Push, id: &str, status: &str) -> String {
    let message_id = &push.message_id;
    let status = status.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>{ORG_ID}</OrganizationId>
   <ActionId>04k5g00000SiMuLEAV</ActionId>
   <SessionId xsi:nil="true"/>
   <EnterpriseUrl>https://simulated.my.salesforce.com/services/Soap/c/64.0/00D5g00000SiMuL</EnterpriseUrl>
   <PartnerUrl>https://simulated.my.salesforce.com/services/Soap/u/64.0/00D5g00000SiMuL</PartnerUrl>
   <Notification>
    <Id>{message_id}</Id>
    <sObject xsi:type="sf:{object}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
     <sf:Id>{id}</sf:Id>
     <sf:Status>{status}</sf:Status>
    </sObject>
   </Notification>
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>"#
    )
}
