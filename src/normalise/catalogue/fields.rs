//! The fields of events.

use super::entry::ValueType::{Flag, Number, Text};
use super::entry::{TopicField, ValueType, Words};

const fn field(name: &'static str, value_type: ValueType, meaning: &'static str) -> TopicField {
    TopicField {
        name,
        value_type,
        meaning,
        words: Words::Free,
    }
}

const fn word(name: &'static str, words: Words, meaning: &'static str) -> TopicField {
    TopicField {
        words,
        ..field(name, Text, meaning)
    }
}

pub(super) const QUEUE_ID: TopicField = field("queue_id", Text, "the queue's id");
pub(super) const QUEUE_NAME: TopicField = field(
    "queue_name",
    Text,
    "the queue's name; its id where the event contains no name",
);
pub(super) const MEDIA_TYPE: TopicField = word(
    "media_type",
    Words::Usual(&[
        "voice",
        "callback",
        "chat",
        "cobrowse",
        "email",
        "internalmessage",
        "message",
        "screenshare",
        "video",
    ]),
    "`voice`, `email`, `message` …, in lower case",
);
pub(super) const DIVISION_ID: TopicField = field("division_id", Text, "the division's id");
pub(super) const WAIT_TIME_AVG: TopicField = field(
    "wait_time_avg",
    Number,
    "the average of `queue.waitTime`, in seconds",
);
pub(super) const TRUNK_ID: TopicField = field(
    "trunk_id",
    Text,
    "the id of the trunk instance; a logical trunk has one on every Edge",
);
pub(super) const TRUNK_NAME: TopicField = field(
    "trunk_name",
    Text,
    "the trunk's name without the id of the instance; its id where the event contains no name",
);
pub(super) const EDGE_ID: TopicField = field("edge_id", Text, "the Edge's id");
pub(super) const EDGE_NAME: TopicField = field(
    "edge_name",
    Text,
    "the Edge's name; its id where the event contains no name",
);
pub(super) const FLOW_ID: TopicField = field("flow_id", Text, "the id of the Architect flow");
pub(super) const STATUS: TopicField = field("status", Text, "see the statuses; in upper case");
pub(super) const PREVIOUS_STATUS: TopicField = field(
    "previous_status",
    Text,
    "the status before the change, in upper case",
);
pub(super) const STATUS_DETAIL: TopicField =
    field("status_detail", Text, "why it is so, in the sender's words");
pub(super) const ENTITY_ID: TopicField = field(
    "entity_id",
    Text,
    "the id of the thing that the event is about",
);
pub(super) const ENTITY_NAME: TopicField = field(
    "entity_name",
    Text,
    "the name of the thing that the event is about",
);
pub(super) const ENTITY_TYPE: TopicField =
    word("entity_type", Words::Sort, "what kind of thing it is");
pub(super) const EVENT_NAME: TopicField =
    word("event_name", Words::Sort, "what has happened, in short");
pub(super) const EVENT_DESCRIPTION: TopicField = field(
    "event_description",
    Text,
    "what has happened, in a sentence",
);
pub(super) const ERROR_CODE: TopicField =
    word("error_code", Words::Sort, "the sender's error code");
pub(super) const CONVERSATION_ID: TopicField =
    field("conversation_id", Text, "the conversation's id");
pub(super) const ACD_OUTCOME: TopicField = word(
    "acd_outcome",
    Words::Only(&["ANSWERED", "ABANDON", "FLOW_OUT", "UNKNOWN"]),
    "`ANSWERED`, `ABANDON`, `FLOW_OUT` or `UNKNOWN`",
);
pub(super) const DISCONNECT_TYPE: TopicField = word(
    "disconnect_type",
    Words::Usual(&[
        "CLIENT",
        "CONFERENCE_TRANSFER",
        "CONSULT_TRANSFER",
        "ENDPOINT",
        "ERROR",
        "FORWARD_TRANSFER",
        "NO_ANSWER_TRANSFER",
        "NOT_AVAILABLE_TRANSFER",
        "OTHER",
        "PEER",
        "SPAM",
        "SYSTEM",
        "TIMEOUT",
        "TRANSFER",
        "TRANSPORT_FAILURE",
        "UNCALLABLE",
        "UNKNOWN",
    ]),
    "who or what ended it: `PEER`, `CLIENT`, `SYSTEM`, `ERROR`, `TRANSPORT_FAILURE` …",
);
pub(super) const CONNECTED_DURATION: TopicField = field(
    "connected_duration",
    Number,
    "how long it lasted, in seconds",
);
pub(super) const ALERT_ID: TopicField = field("alert_id", Text, "the alert's id");
pub(super) const ALERT_ACTION: TopicField = word(
    "alert_action",
    Words::Only(&["CREATE", "UPDATE", "RENOTIFY", "CLOSE", "DELETE"]),
    "`CREATE`, `UPDATE`, `RENOTIFY`, `CLOSE` or `DELETE`",
);
pub(super) const ALERT_ACTIVE: TopicField =
    field("alert_active", Flag, "whether the alert goes on");
pub(super) const ALERT_RULE_ID: TopicField = field("alert_rule_id", Text, "the alert rule's id");
pub(super) const ALERT_RULE_NAME: TopicField =
    field("alert_rule_name", Text, "the alert rule's name");
pub(super) const ALERT_METRIC: TopicField =
    field("alert_metric", Text, "the metric of the alert's condition");
pub(super) const ALERT_THRESHOLD: TopicField = field(
    "alert_threshold",
    Number,
    "the threshold of the alert's condition, a duration in seconds; an alert never contains the observed value",
);
pub(super) const ORGANIZATION_ID: TopicField = field(
    "organization_id",
    Text,
    "the organisation's id, from an EventBridge envelope",
);
