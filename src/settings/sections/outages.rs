//! `[outages.NAME]`: many incidents with one cause.

use std::time::Duration;

use super::rules::{ON_RECOVERY, OnRecovery};
use super::server::NONE;
use crate::rules::{Routing, Template, nearest};
use crate::settings::declare::{list, section, some};
use crate::settings::kinds::{
    duration, name_of, one_of, positive_duration, routes, severity, template, whole,
};
use crate::settings::read::{Fault, Section};

section! {
    /// `[outages.NAME]`.
    pub struct OutageSettings checked by causes_are_members {
        /// the group of a breach: the text that its members have in common
        group_by: Template = template().required(),
        /// rules whose incidents can be members
        rules: Vec<String> = some("rules", name_of("rules", "rule")).required(),
        /// number of distinct breaching keys that form an outage
        at_least: u32 = whole(2, 1_000_000).required(),
        /// time in which they must begin to breach
        within: Duration = positive_duration().required(),
        /// how long a member's ticket is delayed so that an outage can form; with `0s` the
        /// incidents that breach before the outage forms get their own tickets
        hold: Duration = duration().default("5s"),
        /// rules whose incidents explain others: one breaching incident of such a rule and one of
        /// another rule in its group form an outage at once
        causes: Vec<String> = list("its rules", name_of("rules", "rule")).default(NONE),
        /// no new outage ticket for a group within this time after its last one; an outage that
        /// begins earlier waits until this time is over
        burst_lock: Duration = duration().default("60s"),
        /// shortest time between two comments about members that joined or recovered; `0s`: no
        /// such comments
        update_every: Duration = duration().default("5m"),
        /// what is written to the tickets when all members have recovered
        on_recovery: OnRecovery = one_of(ON_RECOVERY).default("resolve"),
        /// severity of the outage
        severity: String = severity().default("critical"),
        /// targets of its ticket; as in rules
        targets: Routing = routes().required(),
    }
}

fn causes_are_members(section: &Section<'_>, outage: &OutageSettings) -> Option<()> {
    let members: Vec<&str> = outage.rules.iter().map(String::as_str).collect();
    let stranger = outage
        .causes
        .iter()
        .find(|cause| !outage.rules.contains(cause));
    let Some(stranger) = stranger else {
        return Some(());
    };
    let suggestion = nearest(stranger, members.iter().copied());
    let reason = format!("`{stranger}` is not among the `rules` of this outage");
    section.fault(
        "causes",
        Fault {
            help: Some(format!("add \"{stranger}\" to `rules`, or remove it here")),
            ..Fault::suggesting(reason, suggestion)
        },
    );
    None
}
