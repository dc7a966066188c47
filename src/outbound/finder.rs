//! Finds secrets in a text, in every encoding in which we send them and in those in which an
//! answer may quote them.
//!
//! Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::encodings::Decoded;
use super::needle::{Covered, Needle, SHORTEST, needles_of};

/// Finds the secrets that it was made of.
#[derive(Default)]
pub(super) struct Finder {
    /// Finds the head of each needle; `None` when there are no needles.
    heads: Option<AhoCorasick>,
    needles: Vec<Needle>,
}

impl Finder {
    pub(super) fn of<'s>(secrets: impl Iterator<Item = &'s str>) -> Self {
        let secrets = secrets.filter(|secret| secret.len() >= SHORTEST);
        let mut needles: Vec<Needle> = secrets.flat_map(needles_of).collect();
        let mut runs = BTreeSet::new();
        needles.retain(|needle| !needle.is_base64() || runs.insert(needle.head().to_vec()));
        let heads = needles.iter().map(|needle| needle.head());
        // Building fails only beyond 2^31 states; the heads of some hundred secrets have some
        // ten thousand.
        let heads = AhoCorasick::new(heads).ok().filter(|_| !needles.is_empty());
        Self { heads, needles }
    }

    /// Where `text` has secrets: ascending, and apart from each other.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = self.find_plain(text);
        if self.heads.is_some() {
            // Each reading, because one too many changes a secret that looks encoded itself.
            let decoded = Decoded::of(text);
            for (number, reading) in decoded.readings().enumerate() {
                found.extend(decoded.source(number, self.find_plain(reading)));
            }
        }
        merged(found)
    }

    /// Takes time in proportion to the length of `text`, whatever the text and the secrets are.
    fn find_plain(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(heads) = &self.heads else {
            return Vec::new();
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut covered = Vec::new();
        let mut run_end = 0;
        // Tokens have beginnings in common, so the same head is looked at for each of them.
        for head in heads.find_overlapping_iter(text) {
            // Most texts have no head and need no memory.
            covered.resize(self.needles.len(), Covered::default());
            let number = head.pattern().as_usize();
            let needle = &self.needles[number];
            let extent = match needle.is_base64() {
                // A run of base64 is found whole, however many heads are in it.
                true if head.end() <= run_end => continue,
                true => needle.run(text, head.start()),
                false => needle.extent(text, head.start(), &mut covered[number]),
            };
            let Some(extent) = extent else {
                continue;
            };
            if needle.is_base64() {
                run_end = extent.end;
            }
            match found.last_mut() {
                // Heads may follow each other byte by byte.
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
