//! Outbound campaigns.

use super::entry::{Content, Sample, Subject, Topic, TopicField};
use super::fields::{
    DIVISION_ID, ENTITY_ID, ENTITY_NAME, ENTITY_TYPE, ERROR_CODE, ORGANIZATION_ID, STATUS,
    STATUS_DETAIL,
};
use super::{metrics, statuses};

const FIELDS: &[TopicField] = &[
    ENTITY_ID,
    ENTITY_NAME,
    ENTITY_TYPE,
    STATUS,
    STATUS_DETAIL,
    ERROR_CODE,
    DIVISION_ID,
    ORGANIZATION_ID,
];

const fn campaign(
    event_type: &'static str,
    meaning: &'static str,
    samples: &'static [Sample],
) -> Topic {
    Topic {
        event_type,
        meaning,
        subject: Subject::Entity,
        family: None,
        fields: FIELDS,
        metrics: metrics::CAMPAIGN,
        has_other_metrics: false,
        statuses: statuses::CAMPAIGN,
        samples,
        content: Content::Campaign,
    }
}

pub(super) static CAMPAIGN: Topic = campaign(
    "v2.outbound.campaigns.{id}",
    "an outbound voice campaign was changed, started, stopped, or has errors",
    &[sample!("campaign-invalid"), sample!("campaign-on")],
);

pub(super) static MESSAGING_CAMPAIGN: Topic = campaign(
    "v2.outbound.messagingcampaigns.{id}",
    "an outbound SMS campaign was changed, started, stopped, or has errors",
    &[sample!("messaging-campaign-forced-off")],
);

pub(super) static EMAIL_CAMPAIGN: Topic = campaign(
    "v2.outbound.emailcampaigns.{id}",
    "an outbound e-mail campaign was changed, started, stopped, or has errors",
    &[sample!("email-campaign-invalid")],
);

pub(super) static WHATSAPP_CAMPAIGN: Topic = campaign(
    "v2.outbound.whatsappcampaigns.{id}",
    "an outbound WhatsApp campaign was changed, started, stopped, or has errors",
    &[sample!("whatsapp-campaign-forced-stopping")],
);
