//! A sorted run of digests: where in it a digest would stand. Pure.

use super::Digest;
use super::filter::Filter;

/// Digests in one block: 8 KiB, of which SQLite keeps a part beside its number and the rest in
/// a page of its own. Runs of before have blocks of half the size.
pub(super) const PER_BLOCK: usize = 512;

/// What is held in memory of a run whose blocks are in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Its number.
    pub(super) number: i64,
    /// How many digests it has.
    pub(super) digests: usize,
    /// The journal's end when it was made.
    pub(super) last_seq: i64,
    /// The first 8 bytes of each block's first digest.
    pub(super) fences: Vec<u64>,
    /// What is certainly not in it.
    pub(super) filter: Filter,
}

impl Run {
    /// The run of `sorted` digests, with a number to be given.
    pub(super) fn of(sorted: &[Digest], last_seq: i64) -> Self {
        Self {
            number: 0,
            digests: sorted.len(),
            last_seq,
            fences: sorted
                .chunks(PER_BLOCK)
                .map(|block| prefix(&block[0]))
                .collect(),
            filter: Filter::of(sorted),
        }
    }

    /// The block in which `digest` would stand, if it may be in the run at all.
    pub(super) fn block_of(&self, digest: &Digest) -> Option<i64> {
        if !self.filter.may_hold(digest) {
            return None;
        }
        let after = self
            .fences
            .partition_point(|fence| *fence <= prefix(digest));
        i64::try_from(after.checked_sub(1)?).ok()
    }

    /// The fences as they are stored.
    pub(super) fn fences_to_bytes(&self) -> Vec<u8> {
        self.fences
            .iter()
            .flat_map(|fence| fence.to_le_bytes())
            .collect()
    }
}

/// Stored fences.
pub(super) fn fences_from_bytes(bytes: &[u8]) -> Vec<u64> {
    let (fences, _) = bytes.as_chunks::<8>();
    fences
        .iter()
        .map(|fence| u64::from_le_bytes(*fence))
        .collect()
}

/// Digests one after the other, as they are stored.
pub(super) fn to_bytes(digests: &[Digest]) -> Vec<u8> {
    digests.as_flattened().to_vec()
}

/// Stored digests.
pub(super) fn from_bytes(bytes: &[u8]) -> &[Digest] {
    bytes.as_chunks().0
}

fn prefix(digest: &Digest) -> u64 {
    (u128::from_be_bytes(*digest) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys::digest_of;

    #[test]
    fn every_digest_of_a_run_is_in_the_block_that_it_names() {
        let mut sorted: Vec<Digest> = (0..5_000)
            .map(|n| digest_of("source", &n.to_string()))
            .collect();
        sorted.sort_unstable();
        let run = Run::of(&sorted, 5_000);
        assert_eq!(fences_from_bytes(&run.fences_to_bytes()), run.fences);
        for (place, digest) in sorted.iter().enumerate() {
            let block = run.block_of(digest).unwrap();
            assert_eq!(usize::try_from(block).unwrap(), place / PER_BLOCK);
        }
        assert_eq!(from_bytes(&to_bytes(&sorted)), sorted);
    }
}
