//! The guide's events, and the messages by which a notification channel speaks about itself.

use super::entry::{Content, Sample, Subject, Topic};
use super::fields::{
    ENTITY_ID, ENTITY_NAME, MEDIA_TYPE, QUEUE_ID, QUEUE_NAME, STATUS, STATUS_DETAIL, TRUNK_ID,
    TRUNK_NAME, WAIT_TIME_AVG,
};
use super::{metrics, statuses};

pub(super) static QUEUE_WAITING: Topic = Topic {
    event_type: "telephony.queue.waiting",
    meaning: "the guide's event about a queue; every entry of its `metrics` is read under its name",
    subject: Subject::Queue,
    family: Some("telephony.queue."),
    fields: &[QUEUE_ID, QUEUE_NAME, MEDIA_TYPE, WAIT_TIME_AVG],
    metrics: metrics::GUIDE_QUEUE,
    has_other_metrics: true,
    statuses: &[],
    samples: &[sample!("guide-queue-waiting"), sample!("guide-queue-whole")],
    content: Content::Guide,
};

pub(super) static TRUNK_STATUS: Topic = Topic {
    event_type: "telephony.trunk.status",
    meaning: "the guide's event about a trunk; every entry of its `metrics` is read under its name",
    subject: Subject::Trunk,
    family: Some("telephony.trunk."),
    fields: &[TRUNK_ID, TRUNK_NAME, STATUS],
    metrics: &[],
    has_other_metrics: true,
    statuses: statuses::USUAL,
    samples: &[
        sample!("guide-trunk-down"),
        sample!("guide-trunk-in-service"),
    ],
    content: Content::Guide,
};

pub(super) static STATUS_PAGE: Topic = Topic {
    event_type: "genesys.status_page",
    meaning: "the status page of Genesys Cloud, read by Ringdown itself: how the components of \
              `enrichment.status_components` are; the worst of them counts",
    subject: Subject::Entity,
    family: None,
    fields: &[ENTITY_ID, ENTITY_NAME, STATUS, STATUS_DETAIL],
    metrics: &[],
    has_other_metrics: false,
    statuses: statuses::STATUS_PAGE,
    samples: &[
        sample!("status-page-outage"),
        sample!("status-page-operational"),
    ],
    content: Content::StatusPage,
};

const fn nothing(
    event_type: &'static str,
    meaning: &'static str,
    samples: &'static [Sample],
) -> Topic {
    Topic {
        event_type,
        meaning,
        subject: Subject::Nothing,
        family: None,
        fields: &[],
        metrics: &[],
        has_other_metrics: false,
        statuses: &[],
        samples,
        content: Content::Nothing(meaning),
    }
}

pub(super) static HEARTBEAT: Topic = nothing(
    "channel.metadata",
    "a heartbeat of the notification channel",
    &[sample!("heartbeat")],
);

pub(super) static SOCKET_CLOSING: Topic = nothing(
    "v2.system.socket_closing",
    "the notification channel is about to close",
    &[sample!("socket-closing")],
);
