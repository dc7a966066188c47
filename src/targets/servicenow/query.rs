//! Encoded queries, built from parts that cannot change the query's meaning.
//!
//! The instance splits a query at `^`, knows no escape for it, and runs values that begin
//! with `javascript:`. So a value becomes part of a query only as a [`Literal`], which can
//! hold neither. Pure.

use crate::domain::ticket::TicketKey;
use crate::domain::time::Timestamp;

use super::ids::SysId;

/// A value that has no other meaning inside a query than its characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal(String);

impl Literal {
    /// `text` as a literal, unless the instance would read more into it than its characters.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let operator = text.contains('^') || text.chars().any(char::is_control);
        let script = text
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("javascript:");
        (!operator && !script && !text.is_empty()).then(|| Self(text.to_owned()))
    }
}

impl From<&TicketKey> for Literal {
    /// A key is lower-case hex and dashes, so it needs no check.
    fn from(key: &TicketKey) -> Self {
        Self(key.as_str().to_owned())
    }
}

impl From<&SysId> for Literal {
    fn from(id: &SysId) -> Self {
        Self(id.as_str().to_owned())
    }
}

/// An encoded query: conditions that must all hold, then an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query(String);

impl Query {
    /// Rows whose `field` equals `value`.
    pub(super) fn equals(field: &'static str, value: &Literal) -> Self {
        Self(format!("{field}={}", value.0))
    }

    /// … and whose `field` is one of our own words.
    pub(super) fn and_equals(self, field: &'static str, word: &'static str) -> Self {
        Self(format!("{}^{field}={word}", self.0))
    }

    /// … or whose `field` is one of our own words.
    pub(super) fn or_equals(self, field: &'static str, word: &'static str) -> Self {
        Self(format!("{}^OR{field}={word}", self.0))
    }

    /// … or whose `field` equals `value`.
    pub(super) fn or_is(self, field: &'static str, value: &Literal) -> Self {
        Self(format!("{}^OR{field}={}", self.0, value.0))
    }

    /// … or whose `field` begins with `value`.
    pub(super) fn or_begins(self, field: &'static str, value: &Literal) -> Self {
        Self(format!("{}^OR{field}STARTSWITH{}", self.0, value.0))
    }

    /// The user who asks: the one expression that a query of ours lets the instance run.
    pub(super) fn ourselves() -> Self {
        Self("sys_id=javascript:gs.getUserID()".to_owned())
    }

    /// Rows whose `field` begins with one of our own words.
    pub(super) fn begins(field: &'static str, word: &'static str) -> Self {
        Self(format!("{field}STARTSWITH{word}"))
    }

    /// Rows with one of these ids.
    pub(super) fn one_of(ids: &[SysId]) -> Self {
        let ids: Vec<&str> = ids.iter().map(SysId::as_str).collect();
        Self(format!("sys_idIN{}", ids.join(",")))
    }

    /// … and whose `field` is not before `moment`. A literal time in a query is read as UTC
    /// whoever asks; the functions of the query language would take the user's own zone.
    pub(super) fn and_since(self, field: &'static str, moment: Timestamp) -> Self {
        Self(format!("{}^{field}>={}", self.0, utc(moment)))
    }

    /// … and whose `field` is after `moment`, or that come after `id` in the order of their ids.
    pub(super) fn and_after(self, field: &'static str, moment: Timestamp, id: &SysId) -> Self {
        let (moment, id) = (utc(moment), id.as_str());
        Self(format!("{}^{field}>{moment}^ORsys_id>{id}", self.0))
    }

    /// … in ascending order of `field`.
    pub(super) fn oldest_first(self, field: &'static str) -> Self {
        Self(format!("{}^ORDERBY{field}", self.0))
    }

    /// … in descending order of `field`.
    pub(super) fn newest_first(self, field: &'static str) -> Self {
        Self(format!("{}^ORDERBYDESC{field}", self.0))
    }

    /// The query as it goes into `sysparm_query`, before percent-encoding.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// `2026-11-23T14:07:30.25Z` becomes `2026-11-23 14:07:30`.
fn utc(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::IncidentId;

    #[test]
    fn a_query_for_a_key_asks_for_all_states_newest_first() {
        let key = TicketKey::of_incident(&IncidentId::new("3f9a-00"));
        let query =
            Query::equals("correlation_id", &Literal::from(&key)).newest_first("sys_created_on");
        assert_eq!(
            query.as_str(),
            "correlation_id=rd-3f9a-00^ORDERBYDESCsys_created_on"
        );
    }

    #[test]
    fn a_poll_asks_for_our_tickets_from_a_moment_on_in_utc() {
        let since = Timestamp::from_millis(1_795_442_850_250);
        let query = Query::begins("correlation_id", "rd-")
            .and_since("sys_updated_on", since)
            .oldest_first("sys_updated_on");
        assert_eq!(
            query.as_str(),
            "correlation_idSTARTSWITHrd-^sys_updated_on>=2026-11-23 14:07:30^ORDERBYsys_updated_on"
        );
    }

    #[test]
    fn a_value_with_an_operator_never_becomes_part_of_a_query() {
        assert_eq!(Literal::parse("a^ORactive=true"), None);
        assert_eq!(Literal::parse("a\nb"), None);
        assert_eq!(Literal::parse(" JavaScript:gs.getUserID()"), None);
        assert_eq!(Literal::parse(""), None);
        assert!(Literal::parse("Telephony Operations (EMEA), 2nd = line").is_some());
    }
}
