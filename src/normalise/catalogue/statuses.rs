//! Statuses, and what each says. All in upper case.

use super::entry::Means::{Fine, Neither, Trouble};
use super::entry::{Means, TopicStatus};

const fn status(word: &'static str, means: Means) -> TopicStatus {
    TopicStatus { word, means }
}

/// The words by which senders say that something works, or does not.
pub(super) const USUAL: &[TopicStatus] = &[
    status("0", Trouble),
    status("1", Fine),
    status("ACTIVE", Fine),
    status("ALERTING", Trouble),
    status("AVAILABLE", Fine),
    status("CLEARED", Fine),
    status("CLOSED", Fine),
    status("CONNECTED", Fine),
    status("DEGRADED", Trouble),
    status("DISABLED", Trouble),
    status("DISCONNECTED", Trouble),
    status("DOWN", Trouble),
    status("ENABLED", Fine),
    status("ERROR", Trouble),
    status("FAILED", Trouble),
    status("FAILURE", Trouble),
    status("FALSE", Trouble),
    status("HEALTHY", Fine),
    status("INACTIVE", Trouble),
    status("IN_SERVICE", Fine),
    status("NORMAL", Fine),
    status("NO", Trouble),
    status("OFF", Trouble),
    status("OFFLINE", Trouble),
    status("OK", Fine),
    status("ON", Fine),
    status("ONLINE", Fine),
    status("OPERATIONAL", Fine),
    status("OUT_OF_SERVICE", Trouble),
    status("PASSED", Fine),
    status("READY", Fine),
    status("RECOVERED", Fine),
    status("REGISTERED", Fine),
    status("RESOLVED", Fine),
    status("RUNNING", Fine),
    status("STOPPED", Trouble),
    status("SUCCESS", Fine),
    status("TRUE", Fine),
    status("UNAVAILABLE", Trouble),
    status("UNHEALTHY", Trouble),
    status("UNREGISTERED", Trouble),
    status("UP", Fine),
    status("WELL", Fine),
    status("YES", Fine),
];

pub(super) const TRUNK: &[TopicStatus] = &[
    status("UP", Fine),
    status("DEGRADED", Trouble),
    status("DOWN", Trouble),
];

pub(super) const EDGE: &[TopicStatus] = &[status("ONLINE", Fine), status("OFFLINE", Trouble)];

pub(super) const PHONE: &[TopicStatus] = &[
    status("OPERATIONAL", Fine),
    status("DEGRADED", Trouble),
    status("OFFLINE", Trouble),
];

pub(super) const SOFTWARE: &[TopicStatus] = &[
    status("NONE", Neither),
    status("INIT", Neither),
    status("IN_PROGRESS", Neither),
    status("EXPIRED", Trouble),
    status("EXCEPTION", Trouble),
    status("ABORTED", Trouble),
    status("FAILED", Trouble),
    status("SUCCEEDED", Fine),
    status("DELETE", Neither),
];

pub(super) const INTERFACE: &[TopicStatus] = &[status("OK", Fine), status("ERROR", Trouble)];

pub(super) const ALERT: &[TopicStatus] = &[status("ALERTING", Trouble), status("CLEARED", Fine)];

pub(super) const AUDIT: &[TopicStatus] = &[
    status("FAILURE", Trouble),
    status("WARNING", Trouble),
    status("SUCCESS", Fine),
];

pub(super) const FLOW_END: &[TopicStatus] = &[
    status("DISCONNECT", Neither),
    status("FLOW_DISCONNECT", Fine),
    status("FLOW_ERROR_DISCONNECT", Trouble),
    status("FLOW_ERROR_EXIT", Trouble),
    status("FLOW_EXIT", Fine),
    status("RECOGNITION_FAILURE_DISCONNECT", Trouble),
    status("RECOGNITION_FAILURE_EXIT", Trouble),
    status("SESSION_EXPIRE_DISCONNECT", Neither),
    status("TRANSFER", Fine),
    status("UNKNOWN", Neither),
    status("USER_EXIT", Neither),
];

pub(super) const FLOW_OUTCOME: &[TopicStatus] = &[
    status("SUCCESS", Fine),
    status("FAILURE", Trouble),
    status("UNKNOWN", Neither),
];

pub(super) const CAMPAIGN: &[TopicStatus] = &[
    status("ON", Fine),
    status("OFF", Neither),
    status("COMPLETE", Neither),
    status("STOPPING", Neither),
    status("INVALID", Trouble),
    status("FORCED_OFF", Trouble),
    status("FORCED_STOPPING", Trouble),
];

pub(super) const STATUS_PAGE: &[TopicStatus] = &[
    status("OPERATIONAL", Fine),
    status("UNDER_MAINTENANCE", Neither),
    status("DEGRADED_PERFORMANCE", Trouble),
    status("PARTIAL_OUTAGE", Trouble),
    status("MAJOR_OUTAGE", Trouble),
];
