//! A filter that tells for certain that a digest is not in a run, and nearly for certain that
//! it is: one cache line is looked at for each question. Pure.

use super::Digest;

/// Bits of the filter for each digest: about 7 in 1,000 strangers are taken for known.
const BITS_PER_DIGEST: usize = 12;
/// Words of one cache line; every digest has its bits within one.
const WORDS_PER_LINE: usize = 8;
/// Bits set for a digest.
const BITS_SET: u32 = 6;

/// The filter of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// The filter of `digests`.
    pub(super) fn of(digests: &[Digest]) -> Self {
        let lines = (digests.len() * BITS_PER_DIGEST).div_ceil(WORDS_PER_LINE * 64);
        let mut filter = Self {
            words: vec![0; lines.max(1) * WORDS_PER_LINE],
        };
        for digest in digests {
            let (line, bits) = filter.place(digest);
            for bit in bits {
                if let Some(word) = filter.words.get_mut(line + bit / 64) {
                    *word |= 1 << (bit % 64);
                }
            }
        }
        filter
    }

    /// Whether `digest` may be among them; `false` is certain.
    pub(super) fn may_hold(&self, digest: &Digest) -> bool {
        let (line, mut bits) = self.place(digest);
        bits.all(|bit| {
            self.words
                .get(line + bit / 64)
                .is_some_and(|word| word & (1 << (bit % 64)) != 0)
        })
    }

    /// The line's first word, and the bits within the line.
    fn place(&self, digest: &Digest) -> (usize, impl Iterator<Item = usize> + use<>) {
        let number = u128::from_be_bytes(*digest);
        let lines = self.words.len() / WORDS_PER_LINE;
        let line = (number >> 64) as usize % lines.max(1) * WORDS_PER_LINE;
        let bits = (0..BITS_SET).map(move |n| (number >> (n * 9)) as usize & 511);
        (line, bits)
    }

    /// The filter as it is stored.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    /// A stored filter; `None` when it is not one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let whole = rest.is_empty() && !words.is_empty() && words.len() % WORDS_PER_LINE == 0;
        whole.then(|| Self {
            words: words.iter().map(|word| u64::from_le_bytes(*word)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys::digest_of;

    fn digests(prefix: &str, count: usize) -> Vec<Digest> {
        (0..count)
            .map(|n| digest_of(prefix, &n.to_string()))
            .collect()
    }

    #[test]
    fn what_is_in_is_always_found_and_strangers_seldom_are() {
        let known = digests("known", 20_000);
        let filter = Filter::of(&known);
        assert!(known.iter().all(|digest| filter.may_hold(digest)));
        let mistaken = digests("stranger", 20_000)
            .iter()
            .filter(|digest| filter.may_hold(digest))
            .count();
        assert!(mistaken < 400, "{mistaken} of 20,000");
    }

    #[test]
    fn a_filter_is_the_same_after_it_was_stored_and_a_damaged_one_is_none() {
        let filter = Filter::of(&digests("known", 300));
        let bytes = filter.to_bytes();
        assert_eq!(Filter::from_bytes(&bytes), Some(filter));
        assert_eq!(Filter::from_bytes(&bytes[1..]), None);
        assert_eq!(Filter::from_bytes(&[]), None);
    }
}
