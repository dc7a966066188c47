//! Single conversations.

use super::entry::{Content, Sample, Subject, Topic};
use super::fields::{
    ACD_OUTCOME, CONNECTED_DURATION, CONVERSATION_ID, DISCONNECT_TYPE, DIVISION_ID, EDGE_ID,
    EDGE_NAME, ENTITY_ID, ENTITY_TYPE, FLOW_ID, MEDIA_TYPE, ORGANIZATION_ID, QUEUE_ID, QUEUE_NAME,
    STATUS,
};
use super::{metrics, statuses};

pub(super) static ACD_END: Topic = Topic {
    event_type: "v2.detail.events.conversation.{id}.acd.end",
    meaning: "a conversation has left its queue",
    subject: Subject::Queue,
    family: None,
    fields: &[
        QUEUE_ID,
        QUEUE_NAME,
        MEDIA_TYPE,
        DIVISION_ID,
        CONVERSATION_ID,
        ACD_OUTCOME,
        DISCONNECT_TYPE,
        CONNECTED_DURATION,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: &[],
    samples: &[sample!("acd-end-abandon"), sample!("acd-end-answered")],
    content: Content::AcdEnd,
};

pub(super) static METRICS: Topic = Topic {
    event_type: "v2.analytics.conversation.{id}.metrics",
    meaning: "one reading of one conversation, of any metric that Genesys has for conversations",
    subject: Subject::Conversation,
    family: None,
    fields: &[
        QUEUE_ID,
        QUEUE_NAME,
        EDGE_ID,
        EDGE_NAME,
        CONVERSATION_ID,
        MEDIA_TYPE,
        ORGANIZATION_ID,
    ],
    metrics: metrics::CONVERSATION,
    has_other_metrics: true,
    statuses: &[],
    samples: &[
        sample!("conversation-error"),
        sample!("conversation-abandon"),
        sample!("conversation-answered"),
        sample!("conversation-handle"),
    ],
    content: Content::Conversation,
};

pub(super) static FLOW_END: Topic = Topic {
    event_type: "v2.detail.events.conversation.{id}.flow.end",
    meaning: "a conversation has left an Architect flow; the status is the reason",
    subject: Subject::Flow,
    family: None,
    fields: &[
        FLOW_ID,
        STATUS,
        DISCONNECT_TYPE,
        CONNECTED_DURATION,
        MEDIA_TYPE,
        DIVISION_ID,
        CONVERSATION_ID,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::FLOW_END,
    samples: &[sample!("flow-end-error"), sample!("flow-end-transfer")],
    content: Content::FlowEnd,
};

pub(super) static FLOW_OUTCOME: Topic = Topic {
    event_type: "v2.detail.events.conversation.{id}.flow.outcome",
    meaning: "an outcome of an Architect flow has ended in one conversation; the status is its value",
    subject: Subject::Flow,
    family: None,
    fields: &[
        FLOW_ID,
        ENTITY_ID,
        ENTITY_TYPE,
        STATUS,
        MEDIA_TYPE,
        DIVISION_ID,
        CONVERSATION_ID,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::FLOW_OUTCOME,
    samples: &[
        sample!("flow-outcome-failure"),
        sample!("flow-outcome-success"),
    ],
    content: Content::FlowOutcome,
};
