//! Outbound campaigns: running or not, and the errors that keep one from running.

use super::super::fill::{set_text, set_upper};
use super::super::json_cursor::Read;
use super::message::Message;
use crate::domain::signal::{Reading, Signal};

pub(super) fn state(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(None);
    message.identify(&mut signal, "entity_id", &body.name("id"))?;
    set_text(&mut signal, "entity_name", body.name("name").text()?);
    set_text(&mut signal, "entity_type", Some("CAMPAIGN"));
    let division = body.name("division");
    division.optional_object()?;
    set_text(&mut signal, "division_id", division.name("id").id()?);
    let status = body.name("campaignStatus").required_text()?;
    set_upper(&mut signal, "status", Some(status));
    let errors = body.name("errors");
    let listed = errors.elements()?;
    if errors.is_absent() {
        return Ok(signal);
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 errors")]
    let count = Reading::from([("count".to_owned(), listed.len() as f64)]);
    signal.metrics.insert("errors".to_owned(), count);
    let mut details = Vec::new();
    for index in 0..listed.len() {
        let error = errors.index(index);
        error.object()?;
        let code = error.name("error").code()?;
        if !signal.fields.contains_key("error_code") {
            set_text(&mut signal, "error_code", code.as_deref());
        }
        let detail = error.name("details").text()?;
        details.extend(detail.map(str::to_owned).or(code.map(String::from)));
    }
    set_text(&mut signal, "status_detail", Some(details.join("; ")));
    Ok(signal)
}
