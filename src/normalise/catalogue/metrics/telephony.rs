//! Of trunks, Edges and phones.

use super::super::entry::MetricKind::Now;
use super::super::entry::{Statistic, TopicMetric, Unit};
use super::{DURATION, metric, now, statistic};

pub(in super::super) const TRUNK: &[TopicMetric] = &[
    now("inboundCallCount", "inbound calls"),
    now("outboundCallCount", "outbound calls"),
    now("mismatchCount", "mismatches of quality in 24 hours"),
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

pub(in super::super) const EDGE: &[TopicMetric] = &[
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

pub(in super::super) const PHONE: &[TopicMetric] = &[metric(
    "lines",
    Now,
    LINES,
    "lines of the phone, and how many of them are registered",
)];
