//! The matchers of silences, compiled once: a silence's matchers never change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::silence::{Matcher, Silence};
use crate::domain::time::Timestamp;

/// Of one silence; `None`: they cannot be read.
type Matchers = Option<Arc<[Matcher]>>;

/// A silence as its row has it.
pub(super) struct SilenceRow {
    pub(super) id: i64,
    pub(super) matchers: String,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

/// Matchers by their silence's id.
#[derive(Debug, Clone, Default)]
pub(super) struct CompiledMatchers(Arc<Mutex<HashMap<i64, Matchers>>>);

impl CompiledMatchers {
    /// The silences of `rows`, and forgets the matchers of all others.
    pub(super) fn silences(&self, rows: Vec<SilenceRow>) -> Vec<Silence> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|id, _| rows.iter().any(|row| row.id == *id));
        let silence = |row: SilenceRow| {
            let matchers = known
                .entry(row.id)
                .or_insert_with(|| compile(row.id, &row.matchers));
            Some(Silence {
                id: row.id.to_string(),
                matchers: matchers.clone()?,
                starts_at: row.starts_at,
                ends_at: row.ends_at,
            })
        };
        rows.into_iter().filter_map(silence).collect()
    }
}

/// A silence that cannot be read silences nothing: a ticket too many is better than one too few.
fn compile(id: i64, text: &str) -> Matchers {
    let texts: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let matchers: Result<Vec<Matcher>, _> = texts.iter().map(|one| Matcher::parse(one)).collect();
    match matchers {
        Ok(matchers) if !matchers.is_empty() => Some(matchers.into()),
        _ => {
            tracing::error!(
                silence = id,
                text,
                "a silence's matchers cannot be read; it silences nothing"
            );
            None
        }
    }
}
