//! The pages of a simulated CRM for people: its tickets with buttons for faults, and one ticket.

use std::fmt::Write;

use serde_json::Value;

use super::crm::Crm;
use super::instance::{Instance, locked};
use super::preset::PRESETS;

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.4 system-ui,sans-serif;margin:1.5rem;max-width:80rem;\
overflow-wrap:anywhere}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #8886;vertical-align:top}\
.closed{opacity:.75}button{font:inherit}form{display:inline}fieldset{border:1px solid #8886;\
margin:1rem 0}fieldset button{margin:.15rem}pre{white-space:pre-wrap;border:1px solid #8886;\
padding:.6rem}td:nth-child(5){font-family:ui-monospace,monospace;font-size:.85em}\
@media(max-width:40rem){body{margin:.6rem}td:nth-child(5),th:nth-child(5),td:nth-child(6),\
th:nth-child(6){display:none}}";

/// The list of tickets, and what can go wrong.
pub(super) fn list<C: Crm>(inner: &Instance<C>) -> String {
    let crm = &inner.crm;
    let tickets = crm.tickets();
    let mut rows = String::new();
    for ticket in tickets.iter().rev() {
        let (cells, closed) = crm.page_row(ticket);
        let class = if closed { " class=closed" } else { "" };
        let _ = write!(rows, "<tr{class}>");
        for (place, cell) in cells.iter().enumerate() {
            let cell = match (place, crm.ticket_address(ticket)) {
                (0, Some(address)) => {
                    format!("<a href=\"{}\">{}</a>", escape(&address), escape(cell))
                }
                _ => escape(cell),
            };
            let _ = write!(rows, "<td>{cell}</td>");
        }
        let number = escape(&cells[0]);
        if closed {
            rows.push_str("<td></td></tr>");
        } else {
            let _ = write!(
                rows,
                "<td><form method=post action=\"/_sim/tickets/{number}/close\">\
                 <button aria-label=\"Close {number}\">Close</button></form></td></tr>"
            );
        }
    }
    let count = tickets.len();
    let what = if count == 1 { "ticket" } else { "tickets" };
    let body = format!(
        "<p>{count} {what}, newest first. The number leads to the ticket.</p>{faults}\
         <div class=scroll><table><thead><tr><th>Number<th>Subject<th>State<th>Priority<th>Key\
         <th>Opened<th>Comments<th></tr></thead><tbody>{rows}</tbody></table></div>",
        faults = fault_buttons(inner),
    );
    whole::<C>("<meta http-equiv=refresh content=5>", "", &body)
}

/// A button for each fault, and those in force.
fn fault_buttons<C: Crm>(inner: &Instance<C>) -> String {
    let mut text = String::from("<fieldset><legend>Faults</legend>");
    let active = locked(&inner.faults).described();
    if active.is_empty() {
        text.push_str("<p>None is in force.</p>");
    } else {
        let _ = write!(text, "<p><b>In force:</b></p><ul>");
        for fault in &active {
            let _ = write!(text, "<li><code>{}</code></li>", escape(fault));
        }
        text.push_str(
            "</ul><form method=post action=\"/_sim/faults/none\">\
             <button><b>End all faults</b></button></form> ",
        );
    }
    for preset in PRESETS {
        let _ = write!(
            text,
            "<form method=post action=\"/_sim/faults/{}\"><button title=\"{}\">{}</button></form>",
            preset.name,
            escape(preset.fault),
            escape(preset.label)
        );
    }
    if !C::CASES.is_empty() {
        text.push_str(" <a href=\"/_sim/cases\">Answers seen in the field</a>");
    }
    text + "</fieldset>"
}

/// A button for each case that the CRM can produce.
pub(super) fn cases<C: Crm>() -> String {
    let mut body = String::from(
        "<p><a href=\"/\">All tickets</a></p><p>Each button adds one fault for every request that \
         it is about, until all faults are ended.</p>",
    );
    for name in C::CASES {
        let name = escape(name);
        let _ = write!(
            body,
            "<p><form method=post action=\"/_sim/cases/{name}\"><button>{name}</button></form></p>"
        );
    }
    whole::<C>("", "answers seen in the field", &body)
}

/// Texts of a ticket that stand first, by the names of either CRM.
const DESCRIPTIONS: [&str; 2] = ["Description", "description"];
const COMMENTS: [(&str, &str); 3] = [
    ("CommentList", "Comments"),
    ("comments_list", "Comments"),
    ("work_notes_list", "Work notes"),
];

/// One ticket: its description, its comments, and every field.
pub(super) fn ticket<C: Crm>(crm: &C, ticket: &Value) -> String {
    let (cells, closed) = crm.page_row(ticket);
    let [number, subject, state, priority, ..] = &cells;
    let mut body = format!(
        "<p><a href=\"/\">All tickets</a></p><h2>{}</h2><p>{} · priority {}{}</p>",
        escape(subject),
        escape(state),
        escape(priority),
        if closed { " · closed" } else { "" }
    );
    let texts = DESCRIPTIONS
        .iter()
        .filter_map(|name| ticket[*name].as_str());
    for text in texts {
        let _ = write!(body, "<h3>Description</h3><pre>{}</pre>", escape(text));
    }
    for (name, title) in COMMENTS {
        let Some(comments) = ticket[name].as_array().filter(|list| !list.is_empty()) else {
            continue;
        };
        let _ = write!(body, "<h3>{title}</h3>");
        for comment in comments {
            let _ = write!(
                body,
                "<pre>{}</pre>",
                escape(comment.as_str().unwrap_or(""))
            );
        }
    }
    body.push_str("<h3>All fields</h3><div class=scroll><table><tbody>");
    for (name, value) in ticket.as_object().into_iter().flatten() {
        let is_above = DESCRIPTIONS.contains(&name.as_str())
            || COMMENTS.iter().any(|(known, _)| known == name);
        let shown = match value {
            Value::Null => continue,
            Value::String(text) if text.is_empty() => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if !is_above {
            let _ = write!(
                body,
                "<tr><th scope=row>{}</th><td>{}</td></tr>",
                escape(name),
                escape(&shown)
            );
        }
    }
    body.push_str("</tbody></table></div>");
    whole::<C>("", number, &body)
}

fn whole<C: Crm>(head: &str, title: &str, body: &str) -> String {
    let title = match title {
        "" => format!("{} (simulated)", C::NAME),
        title => format!("{} (simulated): {}", C::NAME, escape(title)),
    };
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\">{head}<title>{title}</title><style>{STYLE}</style>\
         <main><h1>{title}</h1>{body}</main></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
