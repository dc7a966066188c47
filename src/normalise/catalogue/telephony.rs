//! Trunks, Edges and phones.

use super::entry::{Content, Sample, Subject, Topic};
use super::fields::{
    EDGE_ID, EDGE_NAME, ENTITY_ID, ENTITY_TYPE, ERROR_CODE, EVENT_NAME, ORGANIZATION_ID, STATUS,
    STATUS_DETAIL, TRUNK_ID, TRUNK_NAME,
};
use super::{metrics, statuses};

pub(super) static TRUNK: Topic = Topic {
    event_type: "v2.telephony.providers.edges.trunks.{id}",
    meaning: "a trunk instance is connected or not, and its probes succeed or fail",
    subject: Subject::Trunk,
    family: None,
    fields: &[
        TRUNK_ID,
        TRUNK_NAME,
        STATUS,
        STATUS_DETAIL,
        ERROR_CODE,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::TRUNK,
    samples: &[
        sample!("trunk-down"),
        sample!("trunk-degraded"),
        sample!("trunk-up"),
    ],
    content: Content::Trunk,
};

pub(super) static TRUNK_METRICS: Topic = Topic {
    event_type: "v2.telephony.providers.edges.trunks.{id}.metrics",
    meaning: "calls on a trunk instance",
    subject: Subject::Trunk,
    family: None,
    fields: &[TRUNK_ID, TRUNK_NAME, ORGANIZATION_ID],
    metrics: metrics::TRUNK,
    has_other_metrics: false,
    statuses: &[],
    samples: &[sample!("trunk-metrics")],
    content: Content::TrunkMetrics,
};

pub(super) static EDGE: Topic = Topic {
    event_type: "v2.telephony.providers.edges.{id}",
    meaning: "an Edge is online or offline",
    subject: Subject::Edge,
    family: None,
    fields: &[EDGE_ID, EDGE_NAME, STATUS, ORGANIZATION_ID],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::EDGE,
    samples: &[sample!("edge-offline"), sample!("edge-online")],
    content: Content::Edge,
};

pub(super) static EDGE_METRICS: Topic = Topic {
    event_type: "v2.telephony.providers.edges.{id}.metrics",
    meaning: "the load of an Edge: processors, memory, disks, processes, networks",
    subject: Subject::Edge,
    family: None,
    fields: &[EDGE_ID, EDGE_NAME, ORGANIZATION_ID],
    metrics: metrics::EDGE,
    has_other_metrics: false,
    statuses: &[],
    samples: &[sample!("edge-metrics")],
    content: Content::EdgeMetrics,
};

pub(super) static EDGE_SOFTWARE: Topic = Topic {
    event_type: "v2.telephony.providers.edges.{id}.softwareupdate",
    meaning: "a software update of an Edge has begun, succeeded or failed",
    subject: Subject::Edge,
    family: None,
    fields: &[EDGE_ID, EDGE_NAME, EVENT_NAME, STATUS, ORGANIZATION_ID],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::SOFTWARE,
    samples: &[
        sample!("edge-software-failed"),
        sample!("edge-software-succeeded"),
    ],
    content: Content::EdgeSoftware,
};

pub(super) static EDGE_INTERFACES: Topic = Topic {
    event_type: "v2.telephony.providers.edges.{id}.logicalinterfaces",
    meaning: "a network interface of an Edge was changed, with or without an error",
    subject: Subject::Edge,
    family: None,
    fields: &[
        EDGE_ID,
        EDGE_NAME,
        ENTITY_ID,
        ENTITY_TYPE,
        EVENT_NAME,
        STATUS,
        STATUS_DETAIL,
        ERROR_CODE,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::INTERFACE,
    samples: &[
        sample!("edge-interface-error"),
        sample!("edge-interface-changed"),
    ],
    content: Content::EdgeInterface,
};

pub(super) static PHONE: Topic = Topic {
    event_type: "v2.telephony.providers.edges.phones.{id}",
    meaning: "a phone and its lines are registered or not",
    subject: Subject::Entity,
    family: None,
    fields: &[
        ENTITY_ID,
        ENTITY_TYPE,
        EDGE_ID,
        EDGE_NAME,
        STATUS,
        STATUS_DETAIL,
        ORGANIZATION_ID,
    ],
    metrics: metrics::PHONE,
    has_other_metrics: false,
    statuses: statuses::PHONE,
    samples: &[sample!("phone-offline"), sample!("phone-operational")],
    content: Content::Phone,
};
