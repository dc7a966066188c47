//! Facts from the Genesys Cloud Platform API that events lack: names of queues, trunks and edges,
//! and the current load of a queue. They add to a signal and never change what the event said.

use std::borrow::Cow;
use std::collections::HashMap;

use super::signal::{Field, Signal};
use super::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    pub name: String,
    pub division_id: Option<String>,
    pub division: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trunk {
    pub name: String,
    pub edge_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    pub name: String,
    /// The name of its site.
    pub site: Option<String>,
}

/// Names by id, as last read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    pub queues: HashMap<String, Queue>,
    pub trunks: HashMap<String, Trunk>,
    pub edges: HashMap<String, Edge>,
}

impl Names {
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.trunks.is_empty() && self.edges.is_empty()
    }

    /// `signal` with the names that it lacks: `queue_name`, `division_id`, `division`,
    /// `trunk_name`, `edge_id`, `edge_name`, and the label `site` of an edge.
    pub fn fill<'s>(&self, signal: &'s Signal) -> Cow<'s, Signal> {
        let mut filled = Cow::Borrowed(signal);
        if self.is_empty() {
            return filled;
        }
        let queue = signal.text("queue_id").and_then(|id| self.queues.get(id));
        if let Some(queue) = queue {
            set_name(&mut filled, "queue_name", "queue_id", &queue.name);
            set(&mut filled, "division_id", queue.division_id.as_ref());
            set(&mut filled, "division", queue.division.as_ref());
        }
        let trunk = signal.text("trunk_id").and_then(|id| self.trunks.get(id));
        if let Some(trunk) = trunk {
            set_name(&mut filled, "trunk_name", "trunk_id", &trunk.name);
            set(&mut filled, "edge_id", trunk.edge_id.as_ref());
        }
        let edge = filled
            .text("edge_id")
            .and_then(|id| self.edges.get(id))
            .cloned();
        if let Some(edge) = edge {
            set_name(&mut filled, "edge_name", "edge_id", &edge.name);
            if let Some(site) = edge.site.filter(|_| !filled.labels.contains_key("site")) {
                filled.to_mut().labels.insert("site".to_owned(), site);
            }
        }
        filled
    }
}

/// Sets a name that the event lacks. Normalisation puts the id in its place.
fn set_name(signal: &mut Cow<'_, Signal>, name: &'static str, id: &str, value: &str) {
    let has_name = signal.text(name).is_some() && signal.text(name) != signal.text(id);
    if !has_name {
        let value = Field::from(value);
        signal.to_mut().fields.insert(name, value);
    }
}

fn set(signal: &mut Cow<'_, Signal>, name: &'static str, value: Option<&String>) {
    if let Some(value) = value
        && !signal.fields.contains_key(name)
    {
        let value = Field::from(value.as_str());
        signal.to_mut().fields.insert(name, value);
    }
}

/// The load of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Waiting conversations.
    pub waiting: Option<u64>,
    /// Agents on the queue.
    pub agents: Option<u64>,
    /// When it was asked.
    pub asked_at: Timestamp,
}

impl Standing {
    /// The sentence for a ticket; `None` when nothing is known.
    pub fn sentence(&self) -> Option<String> {
        let waiting = self.waiting.map(|count| format!("{count} waiting"));
        let agents = self.agents.map(|count| format!("{count} agents on queue"));
        let known: Vec<String> = waiting.into_iter().chain(agents).collect();
        let known = known.join(", ");
        (!known.is_empty()).then(|| format!("Genesys Cloud at {}: {known}.", self.asked_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let queue = Queue {
            name: "Billing".into(),
            division_id: Some("d1".into()),
            division: Some("EMEA".into()),
        };
        let trunk = Trunk {
            name: "Carrier A".into(),
            edge_id: Some("e1".into()),
        };
        let edge = Edge {
            name: "Edge Berlin".into(),
            site: Some("Berlin".into()),
        };
        Names {
            queues: HashMap::from([("q1".into(), queue)]),
            trunks: HashMap::from([("t1".into(), trunk)]),
            edges: HashMap::from([("e1".into(), edge)]),
        }
    }

    fn signal(name: &'static str, value: &str) -> Signal {
        let mut signal = Signal::new("e", "t", Timestamp::from_millis(0));
        signal.fields.insert(name, value.into());
        signal
    }

    #[test]
    fn a_queue_gets_its_name_and_division() {
        let mut signal = signal("queue_id", "q1");
        signal.fields.insert("queue_name", "q1".into());
        let filled = names().fill(&signal).into_owned();
        assert_eq!(filled.text("queue_name"), Some("Billing"));
        assert_eq!(filled.text("division"), Some("EMEA"));
    }

    #[test]
    fn a_trunk_gets_its_edge_and_that_ones_site() {
        let signal = signal("trunk_id", "t1");
        let filled = names().fill(&signal).into_owned();
        assert_eq!(filled.text("trunk_name"), Some("Carrier A"));
        assert_eq!(filled.text("edge_name"), Some("Edge Berlin"));
        assert_eq!(
            filled.labels.get("site").map(String::as_str),
            Some("Berlin")
        );
    }

    #[test]
    fn what_the_event_says_stands_and_the_unknown_is_left_alone() {
        let mut signal = signal("queue_id", "q1");
        signal.fields.insert("queue_name", "As sent".into());
        let names = names();
        assert_eq!(names.fill(&signal).text("queue_name"), Some("As sent"));
        let unknown = super::tests::signal("queue_id", "q2");
        assert!(matches!(names.fill(&unknown), Cow::Borrowed(_)));
    }
}
