//! Trunks: their state and their call counts.
//!
//! Owns how a state is made of Genesys's truth values, for there is no `status: "DOWN"` in
//! what it sends. One logical trunk is many instances, one per Edge; each has its own id.

use super::super::fill::set_text;
use super::super::identity::is_uuid;
use super::super::json_cursor::{JsonCursor, Read};
use super::super::timestamp;
use super::message::Message;
use crate::domain::signal::{Reading, Signal};
use crate::domain::time::Timestamp;

/// The results of the probes (SIP OPTIONS, registrations) of a trunk.
#[derive(Default)]
struct Probes {
    answered: usize,
    failed: usize,
    latest: Option<Timestamp>,
    errors: Vec<String>,
    error_code: Option<String>,
}

/// The state of a trunk instance: `UP`, `DEGRADED` or `DOWN`.
pub(super) fn status(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let connection = body.name("connectedStatus");
    connection.optional_object()?;
    let connected = connection.name("connected");
    let is_connected = connected.flag()?;
    let mut probes = Probes {
        latest: timestamp::read(&connection.name("connectedStateTime"))?,
        ..Probes::default()
    };
    probes.read(&body.name("optionsStatus"), "optionState")?;
    probes.read(&body.name("registersStatus"), "registerState")?;
    probes.read_error(&body.name("ipStatus"), "address")?;
    let status = match (is_connected, probes.answered, probes.failed) {
        (Some(false), _, _) => "DOWN",
        (_, _, 1..) => "DEGRADED",
        (Some(true), _, 0) | (None, 1.., 0) => "UP",
        (None, 0, 0) => return Err(connected.expected("true or false")),
    };
    let mut signal = message.signal(probes.latest);
    message.identify(&mut signal, "trunk_id", &body.name("id"))?;
    set_text(
        &mut signal,
        "trunk_name",
        body.name("name").text()?.map(base_name),
    );
    set_text(&mut signal, "status", Some(status));
    set_text(&mut signal, "status_detail", Some(probes.errors.join("; ")));
    set_text(&mut signal, "error_code", probes.error_code);
    Ok(signal)
}

impl Probes {
    /// Reads the probes in `list`, whose outcome is the flag `state`.
    fn read(&mut self, list: &JsonCursor<'_, '_>, state: &str) -> Read<()> {
        for index in 0..list.elements()?.len() {
            let probe = list.index(index);
            probe.object()?;
            match probe.name(state).flag()? {
                Some(true) => self.answered += 1,
                Some(false) => self.failed += 1,
                None => {}
            }
            let since = timestamp::read(&probe.name(&format!("{state}Time")))?;
            self.latest = self.latest.max(since);
            self.read_error(&probe, "proxyAddress")?;
        }
        Ok(())
    }

    /// Notes the error at `place`, if there is one, and which address it is about.
    fn read_error(&mut self, cursor: &JsonCursor<'_, '_>, address: &str) -> Read<()> {
        let error = cursor.name("errorInfo");
        if error.is_absent() {
            return Ok(());
        }
        error.object()?;
        let details = error.name("details");
        let code = error.name("code").code()?;
        let reason = match (error.name("text").text()?, details.name("message").text()?) {
            (Some(text), Some(message)) => Some(format!("{text} ({message})")),
            (Some(text), None) | (None, Some(text)) => Some(text.to_owned()),
            (None, None) => code.as_deref().map(str::to_owned),
        };
        if let Some(reason) = reason {
            let address = cursor.name(address).text()?;
            self.errors.push(match address {
                Some(address) => format!("{address}: {reason}"),
                None => reason,
            });
        }
        if self.error_code.is_none() {
            self.error_code = code.map(String::from);
        }
        Ok(())
    }
}

/// The call counts of a trunk instance, each as `count`.
pub(super) fn metrics(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(timestamp::read(&body.name("eventTime"))?);
    let trunk = body.name("trunk");
    trunk.optional_object()?;
    message.identify(&mut signal, "trunk_id", &trunk.name("id"))?;
    set_text(
        &mut signal,
        "trunk_name",
        trunk.name("name").text()?.map(base_name),
    );
    for (group, name) in [
        ("calls", "inboundCallCount"),
        ("calls", "outboundCallCount"),
        ("qos", "mismatchCount"),
    ] {
        let group = body.name(group);
        group.optional_object()?;
        if let Some(count) = group.name(name).number()? {
            let reading = Reading::from([("count".to_owned(), count)]);
            signal.metrics.insert(name.to_owned(), reading);
        }
    }
    if signal.metrics.is_empty() {
        return Err(body.expected("call counts in calls or qos"));
    }
    Ok(signal)
}

/// The name of the logical trunk: an instance is named `<logical name> Trunk <uuid>`.
pub(super) fn base_name(name: &str) -> &str {
    let Some((base, suffix)) = name.rsplit_once(' ') else {
        return name;
    };
    if is_uuid(suffix) {
        base.trim_end()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_cut_off_a_trunk_name() {
        let name = "Carrier A BYOC Trunk c4a9e0d7-51b2-4e8f-8f0a-9d27b3e6a105";
        assert_eq!(base_name(name), "Carrier A BYOC Trunk");
        for whole in ["SBC-Frankfurt-1", "Carrier A Trunk 2", "Trunk"] {
            assert_eq!(base_name(whole), whole);
        }
    }
}
