//! Phones: whether they and their lines are registered, as their primary Edge sees it.

use super::super::fill::{set_text, set_upper};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::timestamp;
use super::message::Message;
use crate::domain::signal::{Reading, Signal};

pub(super) fn status(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let state = body.name("status");
    state.object()?;
    let mut signal = message.signal(timestamp::read(&state.name("eventCreationTime"))?);
    message.identify(&mut signal, "entity_id", &body.name("id"))?;
    set_text(&mut signal, "entity_type", Some("PHONE"));
    let status = state.name("operationalStatus").required_text()?;
    set_upper(&mut signal, "status", Some(status));
    let provision = state.name("provision");
    provision.optional_object()?;
    let error = provision.name("errorInfo").text()?;
    set_text(&mut signal, "status_detail", error);
    let edge = state.name("edge");
    edge.optional_object()?;
    set_text(&mut signal, "edge_id", edge.name("id").id()?);
    set_text(&mut signal, "edge_name", edge.name("name").text()?);
    read_lines(&mut signal, &state.name("lineStatuses"))?;
    Ok(signal)
}

fn read_lines(signal: &mut Signal, lines: &JsonCursor<'_, '_>) -> Read<()> {
    let (mut reachable, mut unreachable) = (0.0, 0.0);
    for index in 0..lines.elements()?.len() {
        let line = lines.index(index);
        line.object()?;
        match line.name("reachable").flag()? {
            Some(true) => reachable += 1.0,
            Some(false) => unreachable += 1.0,
            None => {}
        }
    }
    if reachable + unreachable > 0.0 {
        let reading = Reading::from([
            ("count".to_owned(), reachable + unreachable),
            ("reachable".to_owned(), reachable),
            ("unreachable".to_owned(), unreachable),
        ]);
        signal.metrics.insert("lines".to_owned(), reading);
    }
    Ok(())
}
