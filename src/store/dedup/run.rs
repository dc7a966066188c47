//! A sorted run of digests: in which of its blocks a digest would stand. Pure.

use super::digest::Digest;
use super::filter::{Filter, Probe};
use crate::domain::time::Timestamp;

/// Digests in one block of 8 KiB. A run may have smaller blocks: the first versions wrote
/// blocks of 256 digests.
pub(super) const PER_BLOCK: usize = 512;

/// The part of a run that is in memory. Its blocks are in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Given by the database; grows with each run.
    pub(super) number: i64,
    pub(super) digests: usize,
    /// When the newest of its events was received.
    pub(super) written_at: Timestamp,
    /// The first 8 bytes of each block's first digest.
    pub(super) fences: Vec<u64>,
    pub(super) filter: Filter,
}

impl Run {
    /// The run of `sorted` digests. It has no number yet.
    pub(super) fn of(sorted: &[Digest], written_at: Timestamp) -> Self {
        Self {
            number: 0,
            digests: sorted.len(),
            written_at,
            fences: sorted
                .chunks(PER_BLOCK)
                .map(|block| prefix(&block[0]))
                .collect(),
            filter: Filter::of(sorted),
        }
    }

    /// The block in which `digest` would stand, if the run may have it. `probe` is that of the
    /// digest.
    pub(super) fn block_of(&self, digest: &Digest, probe: &Probe) -> Option<i64> {
        if !self.filter.may_hold(probe) {
            return None;
        }
        let after = self
            .fences
            .partition_point(|fence| *fence <= prefix(digest));
        i64::try_from(after.checked_sub(1)?).ok()
    }

    pub(super) fn fences_to_bytes(&self) -> Vec<u8> {
        self.fences
            .iter()
            .flat_map(|fence| fence.to_le_bytes())
            .collect()
    }
}

pub(super) fn fences_from_bytes(bytes: &[u8]) -> Vec<u64> {
    let (fences, _) = bytes.as_chunks::<8>();
    fences
        .iter()
        .map(|fence| u64::from_le_bytes(*fence))
        .collect()
}

fn prefix(digest: &Digest) -> u64 {
    (u128::from_be_bytes(*digest) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dedup::digest_of;

    #[test]
    fn every_digest_of_a_run_is_in_the_block_that_it_names() {
        let mut sorted: Vec<Digest> = (0..5_000)
            .map(|n| digest_of("source", &n.to_string()))
            .collect();
        sorted.sort_unstable();
        let run = Run::of(&sorted, Timestamp::from_millis(0));
        assert_eq!(fences_from_bytes(&run.fences_to_bytes()), run.fences);
        for (place, digest) in sorted.iter().enumerate() {
            let block = run.block_of(digest, &Probe::of(digest)).unwrap();
            assert_eq!(usize::try_from(block).unwrap(), place / PER_BLOCK);
        }
    }
}
