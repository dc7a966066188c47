//! Finds secrets in a text, in every encoding in which we send them and in those in which an
//! answer may quote them.
//!
//! Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::encodings::Decoded;
use super::pattern::{Covered, MIN_LENGTH, Pattern, patterns_of};

/// Finds the secrets that it was made of.
#[derive(Default)]
pub(super) struct Finder {
    /// Finds the prefix of each pattern; `None` when there are no patterns.
    prefixes: Option<AhoCorasick>,
    patterns: Vec<Pattern>,
}

impl Finder {
    pub(super) fn of<'s>(secrets: impl Iterator<Item = &'s str>) -> Self {
        let secrets = secrets.filter(|secret| secret.len() >= MIN_LENGTH);
        let mut patterns: Vec<Pattern> = secrets.flat_map(patterns_of).collect();
        let mut runs = BTreeSet::new();
        patterns.retain(|pattern| !pattern.is_base64() || runs.insert(pattern.prefix().to_vec()));
        let prefixes = patterns.iter().map(|pattern| pattern.prefix());
        // Building fails only beyond 2^31 states; the prefixes of some hundred secrets have some
        // ten thousand.
        let prefixes = AhoCorasick::new(prefixes)
            .ok()
            .filter(|_| !patterns.is_empty());
        Self { prefixes, patterns }
    }

    /// Where `text` has secrets: ascending, and apart from each other.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = self.find_plain(text);
        if self.prefixes.is_some() {
            // After each pass: one pass too many changes a secret that itself looks encoded.
            let decoded = Decoded::of(text);
            for (number, pass) in decoded.passes().enumerate() {
                found.extend(decoded.source(number, self.find_plain(pass)));
            }
        }
        merged(found)
    }

    /// Takes time in proportion to the length of `text`, whatever the text and the secrets are.
    fn find_plain(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(prefixes) = &self.prefixes else {
            return Vec::new();
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut covered = Vec::new();
        let mut run_end = 0;
        // Tokens have beginnings in common, so the same prefix is looked at for each of them.
        for prefix in prefixes.find_overlapping_iter(text) {
            // Most texts have no prefix of a secret and need no memory.
            covered.resize(self.patterns.len(), Covered::default());
            let number = prefix.pattern().as_usize();
            let pattern = &self.patterns[number];
            let extent = match pattern.is_base64() {
                // A run of base64 is found whole, however many prefixes are in it.
                true if prefix.end() <= run_end => continue,
                true => pattern.run(text, prefix.start()),
                false => pattern.extent(text, prefix.start(), &mut covered[number]),
            };
            let Some(extent) = extent else {
                continue;
            };
            if pattern.is_base64() {
                run_end = extent.end;
            }
            match found.last_mut() {
                // Prefixes may follow each other byte by byte.
                Some(last) if (last.start..=last.end).contains(&extent.start) => {
                    last.end = last.end.max(extent.end);
                }
                _ => found.push(extent),
            }
        }
        merged(found)
    }
}

fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
