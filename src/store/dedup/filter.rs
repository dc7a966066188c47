//! A Bloom filter for the digests of one run. Each digest has all its bits in one cache line.
//! "Not in the run" is certain; "perhaps" is wrong for about 2 of 1,000 strangers. Pure.

use super::digest::Digest;

/// Bits of the filter for each digest. Filters of the first versions have 12 and are read in the
/// same way.
const BITS_PER_DIGEST: usize = 16;
const WORDS_PER_LINE: usize = 8;
const BITS_PER_LINE: usize = WORDS_PER_LINE * 64;
/// Bits set for a digest.
const BITS_SET: u32 = 6;

/// 64 bytes: one cache line.
type Line = [u64; WORDS_PER_LINE];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    lines: Vec<Line>,
}

/// A digest as every filter looks for it.
pub(super) struct Probe {
    line: u64,
    bits: Line,
}

impl Probe {
    pub(super) fn of(digest: &Digest) -> Self {
        let number = u128::from_be_bytes(*digest);
        let mut bits = [0; WORDS_PER_LINE];
        for n in 0..BITS_SET {
            let bit = (number >> (n * 9)) as usize % BITS_PER_LINE;
            bits[bit / 64] |= 1 << (bit % 64);
        }
        Self {
            line: (number >> 64) as u64,
            bits,
        }
    }

    fn line_of(&self, lines: usize) -> usize {
        (self.line % lines.max(1) as u64) as usize
    }
}

impl Filter {
    pub(super) fn of(digests: &[Digest]) -> Self {
        let lines = (digests.len() * BITS_PER_DIGEST).div_ceil(BITS_PER_LINE);
        let mut lines = vec![[0; WORDS_PER_LINE]; lines.max(1)];
        for digest in digests {
            let probe = Probe::of(digest);
            let line = probe.line_of(lines.len());
            for (word, bits) in lines[line].iter_mut().zip(probe.bits) {
                *word |= bits;
            }
        }
        Self { lines }
    }

    /// Whether the digest of `probe` may be among them; `false` is certain.
    pub(super) fn may_hold(&self, probe: &Probe) -> bool {
        let Some(line) = self.lines.get(probe.line_of(self.lines.len())) else {
            return false;
        };
        // Without a branch for each word: such a branch cannot be predicted, and then the processor
        // waits for the line of one run before it asks for that of the next.
        let words = line.iter().zip(&probe.bits);
        words.fold(0, |missing, (word, bits)| missing | (bits & !word)) == 0
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.lines
            .as_flattened()
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    /// A stored filter; `None` when the bytes are not one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let (lines, incomplete) = words.as_chunks::<WORDS_PER_LINE>();
        let is_whole = rest.is_empty() && incomplete.is_empty() && !lines.is_empty();
        is_whole.then(|| Self {
            lines: lines
                .iter()
                .map(|line| line.map(u64::from_le_bytes))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dedup::digest_of;

    fn digests(prefix: &str, count: usize) -> Vec<Digest> {
        (0..count)
            .map(|n| digest_of(prefix, &n.to_string()))
            .collect()
    }

    #[test]
    fn what_is_in_is_always_found_and_strangers_seldom_are() {
        let known = digests("known", 20_000);
        let filter = Filter::of(&known);
        let holds = |digest: &&Digest| filter.may_hold(&Probe::of(digest));
        assert!(known.iter().all(|digest| holds(&digest)));
        let mistaken = digests("stranger", 20_000).iter().filter(holds).count();
        assert!(mistaken < 100, "{mistaken} of 20,000");
    }

    #[test]
    fn a_filter_is_the_same_after_it_was_stored_and_a_damaged_one_is_none() {
        let filter = Filter::of(&digests("known", 300));
        let bytes = filter.to_bytes();
        assert_eq!(Filter::from_bytes(&bytes), Some(filter));
        assert_eq!(Filter::from_bytes(&bytes[1..]), None);
        assert_eq!(Filter::from_bytes(&bytes[8..]), None);
        assert_eq!(Filter::from_bytes(&[]), None);
    }
}
