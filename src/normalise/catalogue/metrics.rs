//! The metrics of events.

use super::entry::MetricKind::{Interval, Now, Single};
use super::entry::{MetricKind, Statistic, TopicMetric, Unit};

const fn statistic(name: &'static str, unit: Unit) -> Statistic {
    Statistic { name, unit }
}

const COUNT: &[Statistic] = &[statistic("count", Unit::Count)];
/// Of durations that Genesys adds up.
const DURATION: &[Statistic] = &[
    statistic("count", Unit::Count),
    statistic("sum", Unit::SecondsFromMilliseconds),
    statistic("min", Unit::SecondsFromMilliseconds),
    statistic("max", Unit::SecondsFromMilliseconds),
    statistic("avg", Unit::SecondsFromMilliseconds),
];
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

const fn metric(
    name: &'static str,
    kind: MetricKind,
    statistics: &'static [Statistic],
    meaning: &'static str,
) -> TopicMetric {
    TopicMetric {
        name,
        meaning,
        kind,
        statistics,
        qualifiers: None,
        row: None,
    }
}

const fn counted(name: &'static str, meaning: &'static str) -> TopicMetric {
    metric(name, Interval, COUNT, meaning)
}

const fn lasted(name: &'static str, meaning: &'static str) -> TopicMetric {
    metric(name, Interval, DURATION, meaning)
}

/// A count that comes once for each qualifier.
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

const ROUTING_STATUSES: &[&str] = &[
    "IDLE",
    "INTERACTING",
    "COMMUNICATING",
    "NOT_RESPONDING",
    "OFF_QUEUE",
];

/// Qualifiers are ids of presences.
const PRESENCES: &[&str] = &[];

pub(super) const QUEUE: &[TopicMetric] = &[
    metric("oWaiting", Now, COUNT, "conversations that wait"),
    metric("oInteracting", Now, COUNT, "conversations with an agent"),
    metric(
        "oAlerting",
        Now,
        COUNT,
        "conversations that ring at an agent",
    ),
    metric(
        "oServiceLevel",
        Interval,
        LEVEL,
        "the part answered within the service level",
    ),
    metric(
        "oServiceTarget",
        Interval,
        LEVEL,
        "the part answered within the target",
    ),
    metric(
        "oLongestWaiting",
        Now,
        AGE,
        "the conversation that has waited longest",
    ),
    metric(
        "oLongestInteracting",
        Now,
        AGE,
        "the conversation that an agent has had longest",
    ),
    qualified(
        "oOnQueueUsers",
        ROUTING_STATUSES,
        "agents on the queue, by routing status",
    ),
    qualified(
        "oOffQueueUsers",
        PRESENCES,
        "members who are not on the queue, by presence",
    ),
    qualified(
        "oUserRoutingStatuses",
        ROUTING_STATUSES,
        "members by routing status",
    ),
    qualified("oUserPresences", PRESENCES, "members by presence"),
    metric("oActiveUsers", Now, COUNT, "members who are active"),
    metric("oMemberUsers", Now, COUNT, "members of the queue"),
    counted("nBlindTransferred", "blind transfers"),
    counted("nConnected", "conversations that were connected"),
    counted("nConsult", "consultations"),
    counted("nConsultTransferred", "transfers after a consultation"),
    counted("nError", "conversations with an error"),
    counted("nOffered", "conversations that entered the queue"),
    counted("nOutbound", "outbound conversations on behalf of the queue"),
    counted(
        "nOutboundAbandoned",
        "outbound conversations that were abandoned",
    ),
    counted(
        "nOutboundAttempted",
        "outbound conversations that were attempted",
    ),
    counted(
        "nOutboundConnected",
        "outbound conversations that were connected",
    ),
    counted(
        "nOverSla",
        "conversations answered after the service level's time",
    ),
    counted(
        "nStateTransitionError",
        "conversations with an error in their state",
    ),
    counted("nTransferred", "transfers"),
    lasted("tAbandon", "waits that the caller gave up"),
    lasted("tAcd", "stays in the queue, however they ended"),
    lasted("tAcw", "after-call work"),
    lasted("tAgentResponseTime", "times until an agent wrote"),
    lasted("tAlert", "rings at agents"),
    lasted("tAnswered", "waits that were answered"),
    lasted("tContacting", "times until a contact was reached"),
    lasted("tDialing", "dialling"),
    lasted("tFlowOut", "waits that a flow ended"),
    lasted("tHandle", "handling: talk, hold and after-call work"),
    lasted("tHeld", "holds"),
    lasted("tHeldComplete", "all holds of a conversation"),
    lasted("tNotResponding", "rings that no agent answered"),
    lasted("tShortAbandon", "waits that the caller gave up at once"),
    lasted("tTalk", "talks"),
    lasted("tTalkComplete", "all talks of a conversation"),
    lasted("tUserResponseTime", "times until the customer wrote"),
    lasted("tVoicemail", "voicemails"),
    lasted(
        "tWait",
        "waits of all conversations, also of those that still wait",
    ),
    lasted("queue.waitTime", "the same as `tWait`"),
];

pub(super) const QUEUE_ACTIVITY: &[TopicMetric] = &[
    metric("oWaiting", Now, COUNT, "conversations that wait"),
    metric("oInteracting", Now, COUNT, "conversations with an agent"),
    metric(
        "oAlerting",
        Now,
        COUNT,
        "conversations that ring at an agent",
    ),
    metric(
        "oLongestWaiting",
        Now,
        AGE,
        "the conversation that has waited longest",
    ),
    metric(
        "oLongestInteracting",
        Now,
        AGE,
        "the conversation that an agent has had longest",
    ),
];

pub(super) const FLOW: &[TopicMetric] = &[
    counted("nFlow", "runs of the flow"),
    counted("nFlowMilestone", "milestones that were reached"),
    counted("nFlowOutcome", "outcomes that ended"),
    counted("nFlowOutcomeFailed", "outcomes that failed"),
    counted(
        "oFlowMilestone",
        "milestones that were reached, with repetitions",
    ),
    lasted("tFlow", "runs of the flow"),
    lasted("tFlowDisconnect", "runs that ended with a disconnection"),
    lasted("tFlowExit", "runs that went on elsewhere"),
    lasted("tFlowOutcome", "times until an outcome"),
];

pub(super) const FLOW_OUTCOME: &[TopicMetric] = &[
    counted("nFlowOutcome", "times that the outcome ended"),
    counted("nFlowOutcomeFailed", "times that the outcome failed"),
    lasted("tFlowOutcome", "times until the outcome"),
];

const SINGLE_COUNT: &[Statistic] = &[statistic("value", Unit::Count)];
const SINGLE_DURATION: &[Statistic] = &[statistic("value", Unit::SecondsFromMilliseconds)];

const fn single(name: &'static str, meaning: &'static str) -> TopicMetric {
    metric(name, Single, SINGLE_DURATION, meaning)
}

pub(super) const CONVERSATION: &[TopicMetric] = &[
    metric(
        "nError",
        Single,
        SINGLE_COUNT,
        "an error in the conversation",
    ),
    single("tAbandon", "the wait that the caller gave up"),
    single("tAnswered", "the wait until the answer"),
    single("tHandle", "the handling"),
];

pub(super) const TRUNK: &[TopicMetric] = &[
    metric(
        "inboundCallCount",
        Now,
        COUNT,
        "inbound calls on the trunk instance",
    ),
    metric(
        "outboundCallCount",
        Now,
        COUNT,
        "outbound calls on the trunk instance",
    ),
    metric(
        "mismatchCount",
        Now,
        COUNT,
        "mismatches of call quality in the last 24 hours",
    ),
];

const VALUE_SECONDS: &[Statistic] = &[statistic("value", Unit::SecondsFromMilliseconds)];

/// The statistics of a member over the rows of a list.
macro_rules! over_rows {
    ($unit:expr) => {
        &[
            statistic("count", Unit::Count),
            statistic("sum", $unit),
            statistic("min", $unit),
            statistic("max", $unit),
            statistic("avg", $unit),
        ]
    };
}

const PERCENT: &[Statistic] = over_rows!(Unit::Percent);
const BYTES: &[Statistic] = over_rows!(Unit::Bytes);
const BYTES_PER_SECOND: &[Statistic] = over_rows!(Unit::BytesPerSecond);
const BITS_PER_SECOND: &[Statistic] = over_rows!(Unit::BitsPerSecond);

const fn rows(
    name: &'static str,
    row: &'static str,
    statistics: &'static [Statistic],
    meaning: &'static str,
) -> TopicMetric {
    TopicMetric {
        row: Some(row),
        ..metric(name, Now, statistics, meaning)
    }
}

/// The lists of an Edge's metrics, and the key that names a row of each.
pub(in crate::normalise) const EDGE_LISTS: [(&str, &str); 5] = [
    ("processors", "cpuId"),
    ("memory", "type"),
    ("disks", "partitionName"),
    ("subsystems", "processName"),
    ("networks", "ifname"),
];

pub(super) const EDGE: &[TopicMetric] = &[
    metric(
        "upTime",
        Now,
        VALUE_SECONDS,
        "time since the Edge was started",
    ),
    rows(
        "processors.activeTimePct",
        "cpuId",
        PERCENT,
        "load of the processors",
    ),
    rows(
        "processors.idleTimePct",
        "cpuId",
        PERCENT,
        "idle time of the processors",
    ),
    rows(
        "processors.privilegedTimePct",
        "cpuId",
        PERCENT,
        "load by the system",
    ),
    rows(
        "processors.userTimePct",
        "cpuId",
        PERCENT,
        "load by programs",
    ),
    rows("memory.availableBytes", "type", BYTES, "free memory"),
    rows("memory.totalBytes", "type", BYTES, "all memory"),
    rows("disks.availableBytes", "partitionName", BYTES, "free space"),
    rows("disks.totalBytes", "partitionName", BYTES, "all space"),
    rows(
        "subsystems.delay",
        "processName",
        DURATION,
        "delay of a process",
    ),
    rows(
        "networks.sentBytesPerSec",
        "ifname",
        BYTES_PER_SECOND,
        "sent",
    ),
    rows(
        "networks.receivedBytesPerSec",
        "ifname",
        BYTES_PER_SECOND,
        "received",
    ),
    rows(
        "networks.bandwidthBitsPerSec",
        "ifname",
        BITS_PER_SECOND,
        "bandwidth",
    ),
    rows(
        "networks.utilizationPct",
        "ifname",
        PERCENT,
        "use of the bandwidth",
    ),
];

const LINES: &[Statistic] = &[
    statistic("count", Unit::Count),
    statistic("reachable", Unit::Count),
    statistic("unreachable", Unit::Count),
];

pub(super) const PHONE: &[TopicMetric] = &[metric(
    "lines",
    Now,
    LINES,
    "lines of the phone, and how many of them are registered",
)];

pub(super) const CAMPAIGN: &[TopicMetric] = &[metric(
    "errors",
    Now,
    COUNT,
    "errors that keep the campaign from running",
)];

const WAIT: &[Statistic] = &[
    statistic("avg", Unit::Seconds),
    statistic("count", Unit::Count),
    statistic("min", Unit::Seconds),
    statistic("max", Unit::Seconds),
    statistic("sum", Unit::Seconds),
];

pub(super) const GUIDE_QUEUE: &[TopicMetric] = &[metric(
    "queue.waitTime",
    Interval,
    WAIT,
    "waits in the queue",
)];
