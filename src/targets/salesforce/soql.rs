//! Queries: SOQL with every value escaped.
//!
//! Pure; may import: `domain::ticket`.

use super::ids::RecordId;
use super::truncation::key_mark;
use crate::domain::change_feed::ChangeMark;
use crate::domain::ticket::{TICKET_KEY_PREFIX, TicketKey};

/// Comments that are read, newest first: a repetition follows its first try closely.
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

pub(super) fn comments_of(object: &str, text_field: &str, ticket: &RecordId) -> String {
    format!(
        "SELECT Id,{text_field} FROM {object} WHERE ParentId = '{}' ORDER BY CreatedDate DESC LIMIT {COMMENTS}",
        string(ticket.as_str()),
    )
}

/// How our tickets are recognised among all others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ours<'a> {
    /// By our key in this external id field.
    ExternalId(&'a str),
    /// By our key's mark in the subject.
    Subject,
}

/// The first `limit` of our tickets changed after `from`, oldest change first. `SystemModstamp` is
/// indexed, and moves with changes that automation makes and with a deletion, which
/// `LastModifiedDate` does not.
pub(super) fn tickets_changed(
    object: &str,
    fields: &[String],
    ours: Ours<'_>,
    from: &ChangeMark,
    limit: usize,
) -> String {
    let is_ours = match ours {
        Ours::ExternalId(field) => format!("{field} LIKE '{}%'", like(TICKET_KEY_PREFIX)),
        Ours::Subject => format!("Subject LIKE '%[{}%'", like(TICKET_KEY_PREFIX)),
    };
    let at = from.at;
    // Many changes can have one time.
    let after = from.id.as_ref().map_or_else(String::new, |id| {
        format!(" AND (SystemModstamp > {at} OR Id > '{}')", string(id))
    });
    format!(
        "SELECT {} FROM {object} WHERE {is_ours} AND SystemModstamp >= {at}{after} \
         ORDER BY SystemModstamp, Id LIMIT {limit}",
        fields.join(","),
    )
}

pub(super) fn tickets_with(object: &str, fields: &[String], ids: &[RecordId]) -> String {
    let ids: Vec<String> = ids
        .iter()
        .map(|id| format!("'{}'", string(id.as_str())))
        .collect();
    format!(
        "SELECT {} FROM {object} WHERE Id IN ({})",
        fields.join(","),
        ids.join(","),
    )
}

pub(super) fn record(object: &str, fields: &str, id: &RecordId) -> String {
    format!(
        "SELECT {fields} FROM {object} WHERE Id = '{}'",
        string(id.as_str())
    )
}

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
    use crate::domain::identity::IncidentId;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_value_cannot_end_its_quotes() {
        assert_eq!(string(r"a' OR Name != 'b\"), r"a\' OR Name != \'b\\");
        assert_eq!(like("100%_sure"), r"100\%\_sure");
    }

    #[test]
    fn a_ticket_is_looked_up_by_its_mark_and_not_by_a_part_of_it() {
        let key = TicketKey::of_incident(&IncidentId::new("0190-1"));
        let query = tickets_marked("Case", &["Id".to_owned(), "Status".to_owned()], &key);
        assert_eq!(
            query,
            "SELECT Id,Status,Subject FROM Case WHERE Subject LIKE '%[rd-0190-1]%' ORDER BY CreatedDate LIMIT 10"
        );
    }

    #[test]
    fn a_poll_asks_for_our_tickets_only_and_from_a_moment_on() {
        let fields = ["Id".to_owned(), "Status".to_owned()];
        let mut from = ChangeMark::from(Timestamp::from_millis(1_795_442_850_000));
        let asked = |ours, from: &ChangeMark| tickets_changed("Case", &fields, ours, from, 1_000);
        assert_eq!(
            asked(Ours::ExternalId("Ringdown_Id__c"), &from),
            "SELECT Id,Status FROM Case WHERE Ringdown_Id__c LIKE 'rd-%' \
             AND SystemModstamp >= 2026-11-23T14:07:30Z ORDER BY SystemModstamp, Id LIMIT 1000"
        );
        assert!(asked(Ours::Subject, &from).contains("Subject LIKE '%[rd-%' AND"));
        from.id = Some("500000000000001AAA".to_owned());
        let after = " AND SystemModstamp >= 2026-11-23T14:07:30Z AND (SystemModstamp > \
             2026-11-23T14:07:30Z OR Id > '500000000000001AAA') ORDER BY";
        assert!(asked(Ours::Subject, &from).contains(after));
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
