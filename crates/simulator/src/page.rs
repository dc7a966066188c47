//! A small page that lists a simulated CRM's tickets.

use std::fmt::Write;

use super::crm::Crm;

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px system-ui,sans-serif;margin:1.5rem;max-width:80rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;\
border-bottom:1px solid #8886;vertical-align:top}.closed{opacity:.6}button{font:inherit}\
td:nth-child(5){font-family:ui-monospace,monospace;font-size:.85em}";

/// The page for `crm`.
pub(super) fn render<C: Crm>(crm: &C) -> String {
    let tickets = crm.tickets();
    let mut rows = String::new();
    for ticket in tickets.iter().rev() {
        let (cells, closed) = crm.page_row(ticket);
        let class = if closed { " class=closed" } else { "" };
        let _ = write!(rows, "<tr{class}>");
        for cell in &cells {
            let _ = write!(rows, "<td>{}</td>", escape(cell));
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
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><meta http-equiv=refresh content=3>\
         <title>{name} (simulated): {count} tickets</title><style>{STYLE}</style>\
         <h1>{name} (simulated)</h1><p>{count} tickets, newest first.</p>\
         <table><thead><tr><th>Number<th>Subject<th>State<th>Priority<th>Key<th>Opened\
         <th>Comments<th></tr></thead><tbody>{rows}</tbody></table></html>",
        name = C::NAME,
        count = tickets.len(),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
