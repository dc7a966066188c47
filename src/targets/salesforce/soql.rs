//! Queries: SOQL with every value escaped.
//!
//! Pure; may import: `domain::ticket`.

use super::ids::RecordId;
use super::truncation::key_mark;
use crate::domain::ticket::TicketKey;

/// Comments looked at, newest first: a repetition follows its first try closely.
const COMMENTS: u16 = 200;
/// More tickets than one key can have, unless something has gone wrong.
const TICKETS: u16 = 10;

/// The tickets that carry the mark of `key` in their subject, oldest first.
pub(super) fn tickets_marked(object: &str, fields: &[String], key: &TicketKey) -> String {
    format!(
        "SELECT {},Subject FROM {object} WHERE Subject LIKE '%{}%' ORDER BY CreatedDate LIMIT {TICKETS}",
        fields.join(","),
        like(&key_mark(key)),
    )
}

/// The comments of a ticket.
pub(super) fn comments_of(object: &str, text_field: &str, ticket: &RecordId) -> String {
    format!(
        "SELECT Id,{text_field} FROM {object} WHERE ParentId = '{}' ORDER BY CreatedDate DESC LIMIT {COMMENTS}",
        string(ticket.as_str()),
    )
}

/// `text` inside quotes.
fn string(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

/// `text` inside the quotes of a LIKE, standing for itself only.
fn like(text: &str) -> String {
    string(text).replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_quotes() {
        assert_eq!(string(r"a' OR Name != 'b\"), r"a\' OR Name != \'b\\");
        assert_eq!(like("100%_sure"), r"100\%\_sure");
    }

    #[test]
    fn a_ticket_is_looked_up_by_its_mark_and_not_by_a_part_of_it() {
        let key = TicketKey::of_incident("0190-1");
        let query = tickets_marked("Case", &["Id".to_owned(), "Status".to_owned()], &key);
        assert_eq!(
            query,
            "SELECT Id,Status,Subject FROM Case WHERE Subject LIKE '%[rd-0190-1]%' ORDER BY CreatedDate LIMIT 10"
        );
    }

    #[test]
    fn comments_are_looked_up_by_their_ticket_newest_first() {
        let id = RecordId::parse("500000000000001AAA").unwrap();
        assert_eq!(
            comments_of("CaseComment", "CommentBody", &id),
            "SELECT Id,CommentBody FROM CaseComment WHERE ParentId = '500000000000001AAA' ORDER BY CreatedDate DESC LIMIT 200"
        );
    }
}
