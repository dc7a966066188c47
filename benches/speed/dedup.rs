//! Duplicate detection with tens of millions of known events: through the journal, in this
//! process, with small bodies, so that nothing else costs much. The events' time goes on at 100
//! events/s, so that runs become too old as they do in a daemon.

use std::path::Path;
use std::time::{Duration, Instant};

use ringdown::domain::time::Timestamp;
use ringdown::store::{Appended, Journal, NewEvent, Store};
use rusqlite::Connection;

use crate::Fallible;
use crate::daemon::own_figures;
use crate::figures::{median, megabytes};
use crate::report::{Bar, Report};

const MILLION: u64 = 1_000_000;
/// Events in one transaction.
const BATCH: u64 = 4_000;
/// Milliseconds between two events.
const PACE: u64 = 10;
/// Known events that are sent again after each million.
const REPEATED: u64 = 4_000;
/// What the window and a run that is not full hold at most: 72 hours and some minutes.
const WINDOW: u64 = 26_200_000;

/// What was measured while one million events came in.
struct Row {
    /// Processor time of a new event, in microseconds.
    new: f64,
    /// Time of an event that is known, spread over the whole window, in microseconds.
    known: f64,
    /// From the start to the first event that is durable, in milliseconds.
    start: f64,
    resident: u64,
}

pub(crate) fn measure(folder: &Path, millions: u64, report: &mut Report) -> Fallible<()> {
    let path = folder.join("dedup.db");
    let runtime = tokio::runtime::Runtime::new()?;
    eprintln!("million  new us/event  known us/event  resident MB  start ms  runs  known events");
    let mut rows = Vec::new();
    for number in 1..=millions {
        let row = runtime.block_on(one_million(&path, number))?;
        let (runs, known) = in_the_index(&path)?;
        eprintln!(
            "{number:7}  {:12.2}  {:14.2}  {:11.1}  {:8.1}  {runs:4}  {known:12}",
            row.new,
            row.known,
            megabytes(row.resident),
            row.start,
        );
        rows.push(row);
    }
    // The first million meets no runs yet, and the last ones a full index.
    let average = |rows: &[Row]| median(rows.iter().map(|row| row.new));
    let (few, many) = (
        &rows[..rows.len().min(3)],
        &rows[rows.len().saturating_sub(5)..],
    );
    let more = average(many) - average(few);
    report.bars.push(Bar::at_most(
        &format!("processor time of an event after {millions} million, more than at first, us"),
        10.0,
        more,
    ));
    Ok(())
}

/// Starts a journal, adds a million new events and sends some of the known ones again.
async fn one_million(path: &Path, number: u64) -> Fallible<Row> {
    let began = Instant::now();
    let store = Store::open(&format!("sqlite:{}", path.display())).await?;
    let (journal, writer) = store.journal();
    let writing = tokio::spawn(writer.run());
    let first = (number - 1) * MILLION;
    append(&journal, first..first + 1, Appended::Accepted).await?;
    let start = began.elapsed();
    let (before, _) = own_figures()?;
    let end = number * MILLION;
    let mut next = first + 1;
    while next < end {
        let until = end.min(next + BATCH);
        append(&journal, next..until, Appended::Accepted).await?;
        next = until;
    }
    let (after, resident) = own_figures()?;
    let oldest = end.saturating_sub(WINDOW - MILLION);
    let stride = (end - oldest) / REPEATED;
    let began = Instant::now();
    append(
        &journal,
        (oldest..end).step_by(stride as usize),
        Appended::Duplicate,
    )
    .await?;
    let known = began.elapsed();
    drop(journal);
    writing.await?;
    store.close().await;
    Ok(Row {
        new: (after - before) * 1e6 / MILLION as f64,
        known: micros(known) / REPEATED as f64,
        start: micros(start) / 1e3,
        resident,
    })
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

/// Appends the events numbered so; all must become `expected`.
async fn append(
    journal: &Journal,
    numbers: impl Iterator<Item = u64>,
    expected: Appended,
) -> Fallible<()> {
    let events: Vec<NewEvent> = numbers.map(event).collect();
    let became = journal.append(events).await?;
    match became.iter().all(|one| *one == expected) {
        true => Ok(()),
        false => Err(format!("not every event became {expected:?}").into()),
    }
}

fn event(number: u64) -> NewEvent {
    NewEvent {
        source: "genesys".into(),
        event_id: format!("event-{number:020}"),
        received_at: Timestamp::from_millis((number * PACE) as i64),
        body: "{}".to_owned(),
        review: None,
        meaning: None,
    }
}

/// Runs, and events of runs and log.
fn in_the_index(path: &Path) -> Fallible<(i64, i64)> {
    let connection = Connection::open(path)?;
    let runs = connection.query_row(
        "select count(*), coalesce(sum(digests), 0) from key_runs",
        [],
        |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)),
    )?;
    let log: i64 = connection.query_row(
        "select coalesce(sum(length(digests)), 0) / 16 from key_log",
        [],
        |row| row.get(0),
    )?;
    Ok((runs.0, runs.1 + log))
}
