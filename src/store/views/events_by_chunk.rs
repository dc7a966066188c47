//! Events of a source or a target, read from the chunks of the journal that have some.

use super::events::{EventView, events_select};
use super::page::{Cursor, Filter, Page, PageRequest, page_of};
use crate::store::StoreError;
use crate::store::database::Tx;
use crate::store::event_chunks::{CHUNK, chunks_of, written_to};

/// Chunks of the journal that are looked up together. So many rows in a row fill most pages.
const CHUNKS_AT_ONCE: i64 = 64;

/// What chunks of the journal are chosen by, where nothing else leads to few events.
pub(super) fn by_chunks(filter: &Filter) -> Option<Vec<(&'static str, &str)>> {
    let is_led = filter.key.is_some() || filter.incident.is_some() || filter.event_id.is_some();
    // Review items have an order of their own, and what is not decided is behind all chunks.
    let is_decided = filter.states.is_empty() || filter.states == ["decided"];
    let wanted = [("source", &filter.source), ("target", &filter.target)];
    let wanted: Vec<_> = wanted
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, name.as_deref()?)))
        .collect();
    (!wanted.is_empty() && !is_led && is_decided).then_some(wanted)
}

/// The page of `filter`, from the events behind all chunks, then from the chunks of what is `wanted`.
pub(super) async fn events_in_chunks(
    tx: &mut Tx,
    filter: &Filter,
    wanted: &[(&'static str, &str)],
    (from, to): (Option<i64>, Option<i64>),
    page: &PageRequest,
) -> Result<Page<EventView>, StoreError> {
    let after = page.after.as_ref().map(Cursor::number).transpose()?;
    let end = [to, after].into_iter().flatten().min().unwrap_or(i64::MAX);
    let from = from.unwrap_or(0);
    let written = written_to(tx).await?;
    let wanted_rows = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    if end > written {
        let newer = (Some(from.max(written)), Some(end));
        let select = events_select(filter, newer, page)?;
        rows = select.fetch(tx, EventView::read).await?;
    }
    let first = from / CHUNK;
    let mut last = end.min(written).saturating_add(CHUNK - 1) / CHUNK;
    while rows.len() <= wanted_rows {
        let chunks = chunks_of(wanted, (first, last), CHUNKS_AT_ONCE);
        let chunks = chunks.fetch(tx, |row| row.get::<i64>("chunk")).await?;
        let Some(lowest) = chunks.last() else {
            break;
        };
        last = *lowest;
        for (first, behind) in in_a_row(&chunks) {
            if rows.len() > wanted_rows {
                break;
            }
            let low = (first * CHUNK).max(from);
            let bounds = (Some(low), Some((behind * CHUNK).min(end).min(written)));
            let select = events_select(filter, bounds, page)?;
            rows.extend(select.fetch(tx, EventView::read).await?);
        }
    }
    rows.truncate(wanted_rows.saturating_add(1));
    Ok(page_of(rows, page))
}

/// The spans of chunks that follow each other, of `chunks` from the last to the first: each its first,
/// and the one behind its last.
fn in_a_row(chunks: &[i64]) -> Vec<(i64, i64)> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for chunk in chunks {
        match spans.last_mut() {
            Some((first, _)) if *first == chunk + 1 => *first = *chunk,
            _ => spans.push((*chunk, chunk + 1)),
        }
    }
    spans
}
