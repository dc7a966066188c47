//! Operational events, alerts and audits.

use super::entry::{Content, Sample, Subject, Topic};
use super::fields::{
    ALERT_ACTION, ALERT_ACTIVE, ALERT_ID, ALERT_METRIC, ALERT_RULE_ID, ALERT_RULE_NAME,
    ALERT_THRESHOLD, CONVERSATION_ID, EDGE_ID, EDGE_NAME, ENTITY_ID, ENTITY_NAME, ENTITY_TYPE,
    ERROR_CODE, EVENT_DESCRIPTION, EVENT_NAME, MEDIA_TYPE, ORGANIZATION_ID, PREVIOUS_STATUS,
    QUEUE_ID, QUEUE_NAME, STATUS, TRUNK_ID, TRUNK_NAME,
};
use super::statuses;

pub(super) static EVENTS: Topic = Topic {
    event_type: "v2.operations.events.{id}",
    meaning: "an operational event: something has changed its state, or an error has occurred",
    subject: Subject::Entity,
    family: None,
    fields: &[
        EVENT_NAME,
        EVENT_DESCRIPTION,
        ENTITY_ID,
        ENTITY_NAME,
        ENTITY_TYPE,
        STATUS,
        PREVIOUS_STATUS,
        ERROR_CODE,
        CONVERSATION_ID,
        EDGE_ID,
        EDGE_NAME,
        TRUNK_ID,
        TRUNK_NAME,
        QUEUE_ID,
        QUEUE_NAME,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::USUAL,
    samples: &[
        sample!("operational-edge-offline"),
        sample!("operational-data-action-error"),
        sample!("operational-rate-limit"),
        sample!("operational-trunk"),
        sample!("operational-queue"),
    ],
    content: Content::Operational,
};

pub(super) static ALERTS: Topic = Topic {
    event_type: "v2.users.{id}.alerting.alerts",
    meaning: "an alert of an alert rule in Genesys Cloud has begun, goes on or has ended; one signal \
              for each thing that the rule watches",
    subject: Subject::Alert,
    family: None,
    fields: &[
        ALERT_ID,
        ALERT_ACTION,
        ALERT_ACTIVE,
        ALERT_RULE_ID,
        ALERT_RULE_NAME,
        ALERT_METRIC,
        ALERT_THRESHOLD,
        STATUS,
        ENTITY_ID,
        ENTITY_NAME,
        ENTITY_TYPE,
        QUEUE_ID,
        QUEUE_NAME,
        EDGE_ID,
        EDGE_NAME,
        MEDIA_TYPE,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::ALERT,
    samples: &[
        sample!("alert-create"),
        sample!("alert-close"),
        sample!("alert-nested"),
        sample!("alert-edge"),
    ],
    content: Content::Alert,
};

pub(super) static AUDITS: Topic = Topic {
    event_type: "v2.audits.entitytype.{id}.entityid.{id}",
    meaning: "an entry of the audit log that says how an action ended; entries that do not say it \
              have no effect",
    subject: Subject::Entity,
    family: None,
    fields: &[
        EVENT_NAME,
        EVENT_DESCRIPTION,
        ENTITY_ID,
        ENTITY_NAME,
        ENTITY_TYPE,
        STATUS,
        ERROR_CODE,
        ORGANIZATION_ID,
    ],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::AUDIT,
    samples: &[sample!("audit-failure"), sample!("audit-success")],
    content: Content::Audit,
};

pub(super) static ALERT_RULES: Topic = Topic {
    event_type: "v2.users.{id}.alerting.rules",
    meaning: "an alert rule was changed",
    subject: Subject::Nothing,
    family: None,
    fields: &[],
    metrics: &[],
    has_other_metrics: false,
    statuses: &[],
    samples: &[sample!("alert-rule-change")],
    content: Content::Nothing("a change of an alert rule"),
};
