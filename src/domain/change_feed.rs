//! How far the changes of a CRM have been read, and where the next poll begins.
//!
//! A CRM stamps a change when its transaction begins, and shows it when that ends. So a newer change
//! can be visible before an older one, and each poll reads a part of what was read once more.

use std::time::Duration;

use super::time::Timestamp;

/// How far a poll reaches back before the newest known change …
const OVERLAP: Duration = Duration::from_secs(300);
/// … and how far at least, where so much changes that the whole overlap has more than two pages:
/// then it is as much of it as the last two.
const MIN_OVERLAP: Duration = Duration::from_secs(30);

/// A place in the changes of a CRM, which are in the order of their times, then of their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeMark {
    /// By the CRM's clock.
    pub at: Timestamp,
    /// The changes after the one of this record; without it, all from the time on.
    pub id: Option<String>,
}

impl ChangeMark {
    /// All changes at `at` and after it.
    pub const fn from(at: Timestamp) -> Self {
        Self { at, id: None }
    }
}

/// What a poll has read so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeReading {
    begin: ChangeMark,
    /// Where the page before the last one began, and the last one.
    pages: [ChangeMark; 2],
    newest: Option<Timestamp>,
}

impl ChangeReading {
    /// A poll begins at `from`.
    pub fn begin(from: &ChangeMark) -> Self {
        Self {
            begin: from.clone(),
            pages: [from.clone(), from.clone()],
            newest: None,
        }
    }

    /// Where the page that is read next begins.
    pub const fn next_page(&self) -> &ChangeMark {
        let [_, last] = &self.pages;
        last
    }

    /// A page was read, the newest change of which is `newest`. Returns whether the next page
    /// begins after this one: a CRM that ignores a condition answers the same page again.
    pub fn advance(&mut self, newest: &ChangeMark) -> bool {
        self.note(newest.at);
        let [_, last] = &self.pages;
        let moves = last != newest;
        if moves {
            self.pages = [last.clone(), newest.clone()];
        }
        moves
    }

    /// A change at `at` was read.
    pub fn note(&mut self, at: Timestamp) {
        self.newest = self.newest.max(Some(at));
    }

    pub const fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Where the next poll begins, when this one fails or ends at `now` with pages left. Changes
    /// that long ago have all been stored; of newer ones a part is read again here, too. It never
    /// begins before this poll, which reached back itself.
    pub fn next_poll_with_rest(&self, now: Timestamp) -> ChangeMark {
        let next = self.next_page().clone();
        match self.newest {
            Some(newest) if next.at > now.minus(OVERLAP) => {
                let shortest = ChangeMark::from(newest.minus(MIN_OVERLAP));
                next.min(shortest).max(self.begin.clone())
            }
            _ => next,
        }
    }

    /// Where the next poll begins, when this one has read everything.
    pub fn next_poll(&self) -> ChangeMark {
        let [before_last, _] = &self.pages;
        let Some(newest) = self.newest else {
            return before_last.clone();
        };
        let longest = ChangeMark::from(newest.minus(OVERLAP));
        let shortest = ChangeMark::from(newest.minus(MIN_OVERLAP));
        before_last.clone().max(longest).min(shortest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seconds: i64, id: &str) -> ChangeMark {
        ChangeMark {
            at: Timestamp::from_millis(seconds * 1000),
            id: Some(id.to_owned()),
        }
    }

    fn from(seconds: i64) -> ChangeMark {
        ChangeMark::from(Timestamp::from_millis(seconds * 1000))
    }

    #[test]
    fn few_changes_are_read_again_for_five_minutes() {
        let mut reading = ChangeReading::begin(&from(0));
        reading.note(Timestamp::from_millis(1_000_000));
        assert_eq!(reading.next_poll(), from(700));
        assert_eq!(ChangeReading::begin(&from(700)).next_poll(), from(700));
    }

    #[test]
    fn many_changes_are_read_again_by_two_pages_and_by_half_a_minute_at_least() {
        let mut reading = ChangeReading::begin(&from(0));
        assert!(reading.advance(&mark(900, "a")));
        assert!(reading.advance(&mark(950, "b")));
        reading.note(Timestamp::from_millis(1_000_000));
        assert_eq!(reading.next_poll(), mark(900, "a"));
        assert!(reading.advance(&mark(1_000, "c")));
        assert!(reading.advance(&mark(1_000, "d")));
        assert_eq!(reading.next_poll(), from(970));
    }

    #[test]
    fn a_poll_that_fails_between_two_pages_is_continued_half_a_minute_before_them() {
        let now = Timestamp::from_millis(1_000_000);
        let mut reading = ChangeReading::begin(&from(600));
        assert!(reading.advance(&mark(650, "a")));
        // Long ago: every transaction of that time has ended.
        assert_eq!(reading.next_poll_with_rest(now), mark(650, "a"));
        assert!(reading.advance(&mark(990, "b")));
        // A change of 987 may still become visible.
        let resumed = reading.next_poll_with_rest(now);
        assert_eq!(resumed, from(960));
        // It fails again after a page: the mark does not go back.
        let mut reading = ChangeReading::begin(&resumed);
        assert!(reading.advance(&mark(970, "c")));
        assert_eq!(reading.next_poll_with_rest(now), resumed);
    }

    #[test]
    fn a_page_that_comes_again_is_the_last() {
        let mut reading = ChangeReading::begin(&from(0));
        assert!(reading.advance(&mark(9, "a")));
        assert!(!reading.advance(&mark(9, "a")));
        assert_eq!(reading.next_page(), &mark(9, "a"));
    }
}
