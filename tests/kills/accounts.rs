//! The comparison at the end: what was acknowledged against the journal, and the queues that
//! breached against the CRM's own records.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::feed::Feed;
use crate::world::World;

/// What was found.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// Acknowledged events that are not in the journal.
    lost_events: Vec<String>,
    /// Events that are in it more than once.
    doubled_events: Vec<String>,
    /// Events that were never decided on.
    undecided: i64,
    /// Breaches that incidents have heard, or that came too late for them, against those in
    /// the journal: a batch that was decided twice would be heard twice.
    heard: (i64, i64),
    /// Queues without a ticket.
    without_ticket: Vec<String>,
    /// Queues with more than one.
    with_more: Vec<String>,
    /// Incidents whose ticket is not the CRM's record for them.
    astray: Vec<String>,
    tickets: usize,
}

impl fmt::Display for Accounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} tickets; events lost {}, doubled {}; queues without a ticket {}, with two {}",
            self.tickets,
            self.lost_events.len(),
            self.doubled_events.len(),
            self.without_ticket.len(),
            self.with_more.len()
        )
    }
}

impl Accounts {
    /// Fails when anything was lost or doubled.
    pub(crate) fn hold(&self) {
        let lost = self.lost_events.len() + self.without_ticket.len();
        let doubled = self.doubled_events.len() + self.with_more.len();
        assert_eq!((lost, doubled), (0, 0), "{self:#?}");
        assert_eq!(self.undecided, 0, "{self:#?}");
        assert_eq!(self.heard.0, self.heard.1, "{self:#?}");
        assert!(self.astray.is_empty(), "{self:#?}");
    }
}

/// Waits until all is quiet, stops the daemon, and compares.
pub(crate) async fn settle(world: &mut World, feed: &Feed) -> Accounts {
    let queues = feed.queues as usize;
    world
        .until(
            "every queue has its ticket and nothing is owed",
            async || {
                let waiting = world.items("deliveries?state=waiting&limit=1").await;
                let sending = world.items("deliveries?state=sending&limit=1").await;
                let received = world.items("events?state=received&limit=1").await;
                let tickets = world.simulator.salesforce().tickets().len();
                tickets >= queues && [waiting, sending, received].iter().all(Vec::is_empty)
            },
        )
        .await;
    assert!(world.terminate(), "{}", world.log());
    compare(world, feed).await
}

/// What the daemon's database says.
struct Kept {
    /// Event ids, and how often each is in the journal.
    journal: Vec<(String, i64)>,
    undecided: i64,
    heard: (i64, i64),
    /// Queues, and the tickets of their incidents.
    incidents: Vec<(String, Option<String>)>,
}

async fn kept(world: &World) -> Kept {
    let file = world.folder.path().join("ringdown.db");
    let options = SqliteConnectOptions::new().filename(file);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let journal = sqlx::query_as("select event_id, count(*) from events group by event_id");
    let undecided = sqlx::query_scalar(
        "select count(*) from events where seq > (select position from cursors where name = 'decide')",
    );
    let heard = sqlx::query_as(
        "select coalesce(sum(occurrences), 0) \
          + (select count(*) from decisions where outcome = 'out_of_order'), \
          (select count(*) from events) from incidents",
    );
    let incidents = sqlx::query_as("select key, ticket_id from incidents");
    Kept {
        journal: journal.fetch_all(&mut database).await.unwrap(),
        undecided: undecided.fetch_one(&mut database).await.unwrap(),
        heard: heard.fetch_one(&mut database).await.unwrap(),
        incidents: incidents.fetch_all(&mut database).await.unwrap(),
    }
}

/// The CRM's own records: the ids of each queue's tickets.
fn tickets_by_queue(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut tickets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ticket in world.simulator.salesforce().tickets() {
        let text = |field: &str| ticket[field].as_str().unwrap_or_default().to_owned();
        let subject = text("Subject");
        let queue = subject
            .split_whitespace()
            .find(|word| word.starts_with('q'));
        let queue = queue.unwrap_or_default().to_owned();
        tickets.entry(queue).or_default().push(text("Id"));
    }
    tickets
}

async fn compare(world: &World, feed: &Feed) -> Accounts {
    let kept = kept(world).await;
    let tickets = tickets_by_queue(world);
    let journal: BTreeMap<&String, i64> = kept.journal.iter().map(|(id, n)| (id, *n)).collect();
    let acknowledged = feed.acknowledged.iter();
    let queues = (0..feed.queues).map(|number| format!("q{number}"));
    let is_astray = |(queue, ticket): &&(String, Option<String>)| {
        tickets.get(queue).and_then(|tickets| tickets.first()) != ticket.as_ref()
    };
    Accounts {
        lost_events: acknowledged
            .filter(|id| !journal.contains_key(id))
            .cloned()
            .collect(),
        doubled_events: journal
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|(id, _)| (*id).clone())
            .collect(),
        undecided: kept.undecided,
        heard: kept.heard,
        without_ticket: queues
            .filter(|queue| !tickets.contains_key(queue))
            .collect(),
        with_more: tickets
            .iter()
            .filter(|(_, tickets)| tickets.len() > 1)
            .map(|(queue, _)| queue.clone())
            .collect(),
        astray: kept
            .incidents
            .iter()
            .filter(is_astray)
            .map(|(queue, _)| queue.clone())
            .collect(),
        tickets: tickets.values().map(Vec::len).sum(),
    }
}
