//! Of queues, flows, conversations and campaigns.

use super::super::entry::MetricKind::{Interval, Now, Single};
use super::super::entry::{Statistic, TopicMetric, Unit};
use super::{COUNT, counted, lasted, metric, now, statistic};

const LEVEL: &[Statistic] = &[
    statistic("ratio", Unit::Ratio),
    statistic("numerator", Unit::Count),
    statistic("denominator", Unit::Count),
    statistic("target", Unit::Ratio),
];
const AGE: &[Statistic] = &[
    statistic("count", Unit::Count),
    statistic("age", Unit::Seconds),
];

/// A count of this moment that comes once for each qualifier.
const fn qualified(
    name: &'static str,
    qualifiers: &'static [&'static str],
    meaning: &'static str,
) -> TopicMetric {
    TopicMetric {
        qualifiers: Some(qualifiers),
        ..metric(name, Now, COUNT, meaning)
    }
}

const ROUTING: &[&str] = &[
    "IDLE",
    "INTERACTING",
    "COMMUNICATING",
    "NOT_RESPONDING",
    "OFF_QUEUE",
];
/// Qualifiers are ids of presences.
const PRESENCE: &[&str] = &[];

const WAITING: TopicMetric = now("oWaiting", "conversations that wait");
const INTERACTING: TopicMetric = now("oInteracting", "conversations with an agent");
const ALERTING: TopicMetric = now("oAlerting", "conversations that ring at an agent");
const LONGEST_WAITING: TopicMetric = metric(
    "oLongestWaiting",
    Now,
    AGE,
    "the conversation that has waited longest",
);
const LONGEST_INTERACTING: TopicMetric = metric(
    "oLongestInteracting",
    Now,
    AGE,
    "the conversation that an agent has had longest",
);

const IN_LEVEL: &str = "the part answered within the service level";
const TARGET: &str = "the service level that is wanted";

pub(in super::super) const QUEUE: &[TopicMetric] = &[
    WAITING,
    INTERACTING,
    ALERTING,
    LONGEST_WAITING,
    LONGEST_INTERACTING,
    qualified("oOnQueueUsers", ROUTING, "agents on the queue"),
    qualified("oOffQueueUsers", PRESENCE, "members not on the queue"),
    qualified("oUserRoutingStatuses", ROUTING, "members"),
    qualified("oUserPresences", PRESENCE, "members"),
    now("oActiveUsers", "members who are active"),
    now("oMemberUsers", "members of the queue"),
    metric("oServiceLevel", Interval, LEVEL, IN_LEVEL),
    metric("oServiceTarget", Interval, LEVEL, TARGET),
    counted("nAgentDeclined", "declined by an agent"),
    counted("nAlertExpired", "rings that ran out"),
    counted("nBlindTransferred", "blind transfers"),
    counted("nBotInteractions", "conversations with a bot"),
    counted("nCallbackAttempts", "callbacks that were tried"),
    counted("nCallbackOverSla", "callbacks after the service level"),
    counted("nCallbackScheduled", "callbacks that were scheduled"),
    counted("nCobrowseSessions", "co-browsing sessions"),
    counted("nConnected", "conversations that were connected"),
    counted("nConsult", "consultations"),
    counted("nConsultTransferred", "transfers after a consultation"),
    counted("nConversations", "conversations"),
    counted("nError", "conversations with an error"),
    counted("nOffered", "conversations that entered"),
    counted("nOutbound", "outbound conversations"),
    counted("nOutboundAbandoned", "outbound, abandoned"),
    counted("nOutboundAttempted", "outbound, attempted"),
    counted("nOutboundConnected", "outbound, connected"),
    counted("nOverSla", "answered after the service level"),
    counted("nStateTransitionError", "errors of a state"),
    counted("nTakeover", "conversations taken over"),
    counted("nTransferred", "transfers"),
    counted("oExternalMediaCount", "media from outside"),
    counted("oMediaCount", "media"),
    counted("oMessageCount", "messages"),
    counted("oMessageSegmentCount", "segments of messages"),
    counted("oMessageTurn", "turns of messages"),
    lasted("tAbandon", "waits that were given up"),
    lasted("tAcd", "stays in the queue, however they ended"),
    lasted("tActiveCallback", "active callbacks"),
    lasted("tActiveCallbackComplete", "active callbacks, whole"),
    lasted("tAcw", "after-call work"),
    lasted("tAgentResponseTime", "times until an agent wrote"),
    lasted("tAgentVideoConnected", "video of agents"),
    lasted("tAlert", "rings at agents"),
    lasted("tAnswered", "waits that were answered"),
    lasted(
        "tAverageAgentResponseTime",
        "average of `tAgentResponseTime`",
    ),
    lasted(
        "tAverageCustomerResponseTime",
        "average of `tUserResponseTime`",
    ),
    lasted("tBarging", "barging in"),
    lasted("tCallbackAbandon", "callbacks, given up"),
    lasted("tCallbackConnect", "callbacks, connected"),
    lasted("tCallbackNotReached", "callbacks, not reached"),
    lasted("tCallbackVirtualWait", "virtual waits for callbacks"),
    lasted("tCoaching", "coaching"),
    lasted("tCoachingComplete", "coaching, whole"),
    lasted("tConnected", "connections"),
    lasted("tContacting", "times until a contact was reached"),
    lasted("tDialing", "dialling"),
    lasted("tFirstConnect", "times until the first connection"),
    lasted("tFirstDial", "times until the first dialling"),
    lasted("tFirstEngagement", "times until the first engagement"),
    lasted("tFirstResponse", "times until the first response"),
    lasted("tFlowOut", "waits that a flow ended"),
    lasted("tHandle", "talk, hold and after-call work"),
    lasted("tHeld", "holds"),
    lasted("tHeldComplete", "holds, whole"),
    lasted("tIvr", "times in the IVR"),
    lasted("tMonitoring", "monitoring"),
    lasted("tMonitoringComplete", "monitoring, whole"),
    lasted("tNotResponding", "rings that no agent answered"),
    lasted("tPark", "parking"),
    lasted("tParkComplete", "parking, whole"),
    lasted("tScreenMonitoring", "monitoring of screens"),
    lasted("tShortAbandon", "waits that were given up at once"),
    lasted("tSnippetRecord", "recorded snippets"),
    lasted("tTalk", "talks"),
    lasted("tTalkComplete", "talks, whole"),
    lasted("tTransmitting", "transmissions"),
    lasted("tUserResponseTime", "times until the customer wrote"),
    lasted("tVoicemail", "voicemails"),
    lasted("tWait", "waits, also those that go on"),
    lasted("queue.waitTime", "the same as `tWait`"),
];

pub(in super::super) const QUEUE_ACTIVITY: &[TopicMetric] = &[
    WAITING,
    INTERACTING,
    ALERTING,
    now("oFlow", "conversations in a flow of the queue"),
    LONGEST_WAITING,
    LONGEST_INTERACTING,
];

pub(in super::super) const FLOW: &[TopicMetric] = &[
    counted("nFlow", "runs of the flow"),
    counted("nFlowMilestone", "milestones that were reached"),
    counted("nFlowOutcome", "outcomes that ended"),
    counted("nFlowOutcomeFailed", "outcomes that failed"),
    counted("oFlowMilestone", "milestones, with repetitions"),
    lasted("tFlow", "runs of the flow"),
    lasted("tFlowDisconnect", "runs that ended with a disconnection"),
    lasted("tFlowExit", "runs that went on elsewhere"),
    lasted("tFlowOutcome", "times until an outcome"),
];

pub(in super::super) const FLOW_OUTCOME: &[TopicMetric] = &[
    counted("nFlowOutcome", "times that the outcome ended"),
    counted("nFlowOutcomeFailed", "times that the outcome failed"),
    lasted("tFlowOutcome", "times until the outcome"),
];

const SINGLE_COUNT: &[Statistic] = &[statistic("value", Unit::Count)];
const SINGLE_DURATION: &[Statistic] = &[statistic("value", Unit::SecondsFromMilliseconds)];

/// Genesys has these for conversations, and all others of a queue's interval.
pub(in super::super) const CONVERSATION: &[TopicMetric] = &[
    metric("nError", Single, SINGLE_COUNT, "an error"),
    metric("tAbandon", Single, SINGLE_DURATION, "an abandoned wait"),
    metric("tAnswered", Single, SINGLE_DURATION, "an answered wait"),
    metric("tHandle", Single, SINGLE_DURATION, "the handling"),
];

pub(in super::super) const CAMPAIGN: &[TopicMetric] =
    &[now("errors", "errors that keep the campaign from running")];

const WAIT: &[Statistic] = &[
    statistic("avg", Unit::Seconds),
    statistic("count", Unit::Count),
    statistic("min", Unit::Seconds),
    statistic("max", Unit::Seconds),
    statistic("sum", Unit::Seconds),
];

pub(in super::super) const GUIDE_QUEUE: &[TopicMetric] = &[metric(
    "queue.waitTime",
    Interval,
    WAIT,
    "waits in the queue",
)];
