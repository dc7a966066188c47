//! An answer of the Platform API, as Genesys Cloud would send it in a notification. Pure.
//!
//! Names are left out, as notifications leave them out: with them, the same thing could get another
//! correlation key than by its events.

use serde_json::{Map, Value, json};

use crate::domain::polling::Kind;

/// The state of one thing, or of one media type of a queue.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// As the API spells it.
    pub(super) id: String,
    /// Of a queue; empty: of the whole.
    pub(super) media: String,
    /// The content of the notification.
    pub(super) body: Value,
}

impl Message {
    pub(super) fn topic(&self) -> String {
        self.kind.topic().replace("{id}", &self.id)
    }
}

/// Members of a trunk that a notification has too.
const OF_TRUNK: [&str; 4] = [
    "connectedStatus",
    "optionsStatus",
    "registersStatus",
    "ipStatus",
];

/// The state of each trunk. One that is deleted, or that people have taken out of service, is not
/// down.
pub(super) fn of_trunks(trunks: &[Value]) -> Vec<Message> {
    let in_service = trunks.iter().filter(|trunk| {
        is_active(trunk) && trunk["inService"] != false && trunk["enabled"] != false
    });
    let message = |trunk: &Value| {
        let has_state = OF_TRUNK.iter().any(|name| !trunk[*name].is_null());
        has_state.then(|| of_thing(Kind::Trunk, trunk, &OF_TRUNK))?
    };
    in_service.filter_map(message).collect()
}

/// The state of each Edge that is not deleted.
pub(super) fn of_edges(edges: &[Value]) -> Vec<Message> {
    let told = edges
        .iter()
        .filter(|edge| is_active(edge) && edge["onlineStatus"].is_string());
    told.filter_map(|edge| of_thing(Kind::Edge, edge, &["onlineStatus"]))
        .collect()
}

fn is_active(thing: &Value) -> bool {
    thing["state"]
        .as_str()
        .is_none_or(|state| state == "active")
}

fn of_thing(kind: Kind, thing: &Value, members: &[&str]) -> Option<Message> {
    let id = thing["id"].as_str().filter(|id| !id.is_empty())?;
    let told = members.iter().filter(|name| !thing[**name].is_null());
    let mut body: Map<String, Value> = told
        .map(|name| ((*name).to_owned(), thing[*name].clone()))
        .collect();
    body.insert("id".to_owned(), json!(id));
    Some(Message {
        kind,
        id: id.to_owned(),
        media: String::new(),
        body: body.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn a_trunk_is_told_without_its_name_and_only_while_it_is_in_service() {
        let down = json!({"connected": false});
        let trunks = [
            json!({"id": "t1", "name": "Carrier", "state": "active", "inService": true, "connectedStatus": down}),
            json!({"id": "t2", "inService": false, "connectedStatus": down}),
            json!({"id": "t3", "enabled": false, "connectedStatus": down}),
            json!({"id": "t4", "state": "deleted", "connectedStatus": down}),
            json!({"id": "t5", "name": "without a state"}),
            json!({"name": "without an id", "connectedStatus": down}),
        ];
        let messages = of_trunks(&trunks);
        assert_eq!(ids(&messages), ["t1"]);
        assert_eq!(
            messages[0].body,
            json!({"id": "t1", "connectedStatus": down})
        );
        assert_eq!(
            messages[0].topic(),
            "v2.telephony.providers.edges.trunks.t1"
        );
    }

    #[test]
    fn an_edge_is_told_by_its_online_status() {
        let edges = [
            json!({"id": "e1", "name": "Edge", "onlineStatus": "OFFLINE", "state": "active"}),
            json!({"id": "e2", "onlineStatus": "OFFLINE", "state": "deleted"}),
            json!({"id": "e3"}),
        ];
        let messages = of_edges(&edges);
        assert_eq!(ids(&messages), ["e1"]);
        assert_eq!(
            messages[0].body,
            json!({"id": "e1", "onlineStatus": "OFFLINE"})
        );
    }
}
