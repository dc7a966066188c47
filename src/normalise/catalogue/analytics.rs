//! Readings of queues and flows.

use super::entry::{Content, Sample, Subject, Topic, TopicField};
use super::fields::{
    DIVISION_ID, ENTITY_ID, ENTITY_TYPE, FLOW_ID, MEDIA_TYPE, ORGANIZATION_ID, QUEUE_ID,
    QUEUE_NAME, WAIT_TIME_AVG,
};
use super::metrics;

const QUEUE: &[TopicField] = &[
    QUEUE_ID,
    QUEUE_NAME,
    MEDIA_TYPE,
    DIVISION_ID,
    WAIT_TIME_AVG,
    ORGANIZATION_ID,
];

pub(super) static QUEUE_OBSERVATIONS: Topic = Topic {
    event_type: "v2.analytics.queues.{id}.observations",
    meaning: "how a queue stands, and what happened in it in the current interval; only what has \
              changed, at most once a second",
    subject: Subject::Queue,
    family: None,
    fields: QUEUE,
    metrics: metrics::QUEUE,
    has_other_metrics: false,
    statuses: &[],
    samples: &[
        sample!("queue-observation"),
        sample!("queue-agents"),
        sample!("queue-interval"),
        sample!("queue-service-level"),
    ],
    content: Content::Queue,
};

pub(super) static QUEUE_ACTIVITY: Topic = Topic {
    event_type: "v2.analytics.queues.{id}.activity",
    meaning: "how a queue stands at this moment, for each media type, with the longest wait",
    subject: Subject::Queue,
    family: None,
    fields: &[QUEUE_ID, QUEUE_NAME, MEDIA_TYPE, ORGANIZATION_ID],
    metrics: metrics::QUEUE_ACTIVITY,
    has_other_metrics: false,
    statuses: &[],
    samples: &[sample!("queue-activity")],
    content: Content::QueueActivity,
};

pub(super) static FLOW_AGGREGATES: Topic = Topic {
    event_type: "v2.analytics.flow.{id}.aggregates",
    meaning: "what happened in an Architect flow in the current interval",
    subject: Subject::Flow,
    family: None,
    fields: &[FLOW_ID, MEDIA_TYPE, DIVISION_ID, ORGANIZATION_ID],
    metrics: metrics::FLOW,
    has_other_metrics: false,
    statuses: &[],
    samples: &[sample!("flow-aggregates")],
    content: Content::Flow,
};

pub(super) static FLOW_OUTCOME_AGGREGATES: Topic = Topic {
    event_type: "v2.analytics.flowoutcome.{id}.aggregates",
    meaning: "how often an outcome of Architect flows was reached or failed in the current interval",
    subject: Subject::Entity,
    family: None,
    fields: &[
        ENTITY_ID,
        ENTITY_TYPE,
        MEDIA_TYPE,
        DIVISION_ID,
        ORGANIZATION_ID,
    ],
    metrics: metrics::FLOW_OUTCOME,
    has_other_metrics: false,
    statuses: &[],
    samples: &[sample!("flow-outcome-aggregates")],
    content: Content::FlowOutcomes,
};
