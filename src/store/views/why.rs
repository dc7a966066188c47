//! Finds what people have in hand: an incident by its id, the beginning or the end of it, by its key
//! or by its ticket; an event by the id that its sender gave it.

use super::events::{EventView, events_with_id};
use super::incidents::incidents;
use super::named::as_searched;
use super::ongoing::{OngoingIncident, ongoing_columns, read_ongoing};
use crate::domain::time::Timestamp;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Incidents that one text can mean; the newest.
const MAX_FOUND: i64 = 50;
/// Shortest beginning or end of an id that is looked for.
const MIN_PREFIX: usize = 8;
pub(super) fn named_select(text: &str) -> Statement<'_> {
    let mut select = Statement::new(incidents!(ongoing_columns!()));
    let values = [text, text, text, text];
    select.push(
        " and i.id in (select t.id from incidents t where t.ticket_number = ? \
            union select u.id from incidents u where u.ticket_id = ? \
            union select * from (select k.id from incidents k where k.key = ? \
              order by k.opened_at desc, k.id desc limit 50) of_key \
            union select q.id from incidents q where q.state <> 'closed' \
              and substr(q.queue_id, 1, 200) = substr(?, 1, 200)",
        values.map(Into::into),
    );
    select.push(
        " union select * from (select n.id from incidents n \
            where (case n.state when 'closed' then 1 else 0 end) = 0 and n.found_name = ? \
            order by n.opened_at desc, n.id desc limit 50) of_name \
          union select * from (select n.id from incidents n \
            where (case n.state when 'closed' then 1 else 0 end) = 1 and n.found_name = ? \
            order by n.opened_at desc, n.id desc limit 50) of_name_before",
        [as_searched(text).into(), as_searched(text).into()],
    );
    if can_be_part_of_an_id(text) {
        let values = [text.into(), text.into(), text.into(), MAX_FOUND.into()];
        select.push(
            " union select * from (select p.id from incidents p \
              where substr(p.id, 1, 8) = substr(?, 1, 8) and substr(p.id, 1, length(?)) = ? \
              order by p.id desc limit ?) of_beginning",
            values,
        );
        let last = text.get(text.len() - MIN_PREFIX..).unwrap_or(text);
        let values = [last.into(), text.into(), text.into(), MAX_FOUND.into()];
        select.push(
            " union select * from (select e.id from incidents e \
              where substr(e.id, 29) = ? and substr(e.id, 37 - length(?)) = ? \
              order by e.id desc limit ?) of_end",
            values,
        );
    }
    select.push(
        ") order by i.opened_at desc, i.id desc limit ?",
        [MAX_FOUND.into()],
    );
    select
}

/// Incidents that go on, or are over, and whose name begins with `text`. Names are compared byte by byte, and no character comes after
/// the one at the end of the range.
pub(super) fn beginning_select(text: &str, is_over: bool) -> Statement<'_> {
    let beginning = as_searched(text);
    let end = format!("{beginning}\u{10ffff}");
    let mut select = Statement::new(incidents!(ongoing_columns!()));
    let over = i64::from(is_over);
    let values = [over.into(), beginning.into(), end.into(), MAX_FOUND.into()];
    select.push(
        " and (case i.state when 'closed' then 1 else 0 end) = ? \
          and i.found_name >= ? and i.found_name < ? \
          order by i.found_name, i.opened_at desc, i.id desc limit ?",
        values,
    );
    select
}

/// Whether `text` can be the beginning or the end of an id. The indexes hold the first and the last
/// eight characters: a range of texts would depend on how the database sorts them.
fn can_be_part_of_an_id(text: &str) -> bool {
    (MIN_PREFIX..=36).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

impl Store {
    /// The incidents that `text` can mean, newest first: by ticket number or id, by key, by name, by
    /// queue while they go on, by the beginning or the end of their id.
    pub async fn incidents_named(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Vec<OngoingIncident>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = named_select(text);
        select.fetch(&mut tx, |row| read_ongoing(row, now)).await
    }

    /// Incidents whose name begins with `text`, in large or small letters: those that go on, or else
    /// those that are over.
    pub async fn incidents_named_like(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Vec<OngoingIncident>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = beginning_select(text, false);
        let found = select.fetch(&mut tx, |row| read_ongoing(row, now)).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        let select = beginning_select(text, true);
        select.fetch(&mut tx, |row| read_ongoing(row, now)).await
    }

    /// The newest events with the sender's id `event_id`, newest first.
    pub async fn find_event(&self, event_id: &str) -> Result<Vec<EventView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = events_with_id(event_id);
        select.fetch(&mut tx, EventView::read).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_part_of_an_id_is_looked_for_as_one() {
        assert!(can_be_part_of_an_id("01a22811-"));
        for text in ["01a2281", "INC0012345", "01a22811%", ""] {
            assert!(!can_be_part_of_an_id(text), "{text}");
        }
    }
}
