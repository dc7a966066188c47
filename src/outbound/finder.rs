//! Finds secrets in a text, in every encoding in which we send them and in those in which an
//! answer may quote them.
//!
//! Pure.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::zeroize::Zeroizing;

use super::encodings::Decoded;

/// Shorter secrets are in any text by chance, and are not looked for.
pub(super) const SHORTEST: usize = 4;
/// Shorter secrets are looked for as whole words only.
const SHORTEST_WITHIN_WORDS: usize = 8;
/// From this length on, the first half of a secret is recognised too: whoever quotes us may cut.
const SHORTEST_CUT: usize = 20;
/// So much of a long secret is recognised.
const HEAD: Range<usize> = 12..24;

/// Finds the secrets that it was made of.
#[derive(Default)]
pub(super) struct Finder {
    /// Finds the head of each needle; `None` when there are no needles.
    heads: Option<AhoCorasick>,
    needles: Vec<Needle>,
}

/// One form of one secret.
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The secret itself.
    Plain,
    /// The secret itself, too short to be looked for within words.
    Word,
    /// What is the same in base64 whatever stands before and behind the secret.
    Base64,
}

impl Finder {
    pub(super) fn of<'s>(secrets: impl Iterator<Item = &'s str>) -> Self {
        let needles: Vec<Needle> = secrets
            .filter(|secret| secret.len() >= SHORTEST)
            .flat_map(needles_of)
            .collect();
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
                let ranges = self.find_plain(reading).into_iter();
                found.extend(ranges.map(|range| decoded.source(number, range)));
            }
        }
        merged(found)
    }

    fn find_plain(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(heads) = &self.heads else {
            return Vec::new();
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut run_end = 0;
        for head in heads.find_overlapping_iter(text) {
            let needle = &self.needles[head.pattern().as_usize()];
            let is_base64 = needle.kind == Kind::Base64;
            // A run of base64 is found whole, however many heads are in it.
            if is_base64 && head.end() <= run_end {
                continue;
            }
            // Tokens have beginnings in common, so the same head is looked at for each of them.
            let Some(extent) = needle.extent(text, head.start()) else {
                continue;
            };
            if is_base64 {
                run_end = extent.end;
            }
            found.push(extent);
        }
        found
    }
}

impl Needle {
    fn new(bytes: Vec<u8>, kind: Kind) -> Self {
        Self {
            bytes: Zeroizing::new(bytes),
            kind,
        }
    }

    /// The part that must be there.
    fn head(&self) -> &[u8] {
        let whole = self.bytes.len();
        match whole < SHORTEST_CUT {
            true => &self.bytes,
            false => &self.bytes[..(whole / 2).clamp(HEAD.start, HEAD.end)],
        }
    }

    /// How far it reaches in `text`, which has its head at `start`.
    fn extent(&self, text: &[u8], start: usize) -> Option<Range<usize>> {
        let rest = text[start..].iter().zip(self.bytes.iter());
        let end = start + rest.take_while(|(one, other)| one == other).count();
        let is_in_word = |at: Option<usize>| {
            let byte = at.and_then(|at| text.get(at));
            byte.is_some_and(u8::is_ascii_alphanumeric)
        };
        match self.kind {
            Kind::Plain => Some(start..end),
            Kind::Word if is_in_word(start.checked_sub(1)) || is_in_word(Some(end)) => None,
            Kind::Word => Some(start..end),
            // The whole run: its ends hold the first and the last bits of the secret.
            Kind::Base64 => {
                let before = text[..start].iter().rev();
                let before = before.take_while(|byte| is_base64(**byte)).count();
                let behind = text[end..].iter();
                let is_behind = |byte: &&u8| is_base64(**byte) || **byte == b'=';
                let behind = behind.take_while(is_behind).count();
                Some(start - before..end + behind)
            }
        }
    }
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn needles_of(secret: &str) -> Vec<Needle> {
    let kind = match secret.len() < SHORTEST_WITHIN_WORDS {
        true => Kind::Word,
        false => Kind::Plain,
    };
    let mut plain = vec![secret.as_bytes().to_vec()];
    // A secret that itself looks encoded is decoded with the text it stands in.
    plain.extend(
        Decoded::of(secret.as_bytes())
            .readings()
            .map(<[u8]>::to_vec),
    );
    let in_forms: Vec<Vec<u8>> = plain
        .iter()
        .filter(|bytes| bytes.contains(&b' '))
        .map(|bytes| with_plus(bytes))
        .collect();
    plain.extend(in_forms);
    plain.dedup();
    let mut needles: Vec<Needle> = plain
        .into_iter()
        .filter(|bytes| bytes.len() >= SHORTEST)
        .map(|bytes| Needle::new(bytes, kind))
        .collect();
    if kind == Kind::Plain {
        let cores = (0..3).flat_map(|before| base64_cores(secret.as_bytes(), before));
        needles.extend(cores.map(|core| Needle::new(core, Kind::Base64)));
    }
    needles
}

/// Forms write a space as `+`.
fn with_plus(bytes: &[u8]) -> Vec<u8> {
    let written = bytes.iter().map(|byte| match byte {
        b' ' => b'+',
        other => *other,
    });
    written.collect()
}

/// What base64, in both alphabets, makes of `secret` behind `before` other bytes (modulo three),
/// without the characters that depend on what stands before and behind it.
fn base64_cores(secret: &[u8], before: usize) -> Vec<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.extend_from_slice(secret);
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    let mut cores: Vec<Vec<u8>> = [
        STANDARD_NO_PAD.encode(bytes.as_slice()),
        URL_SAFE_NO_PAD.encode(bytes.as_slice()),
    ]
    .into_iter()
    .map(|text| text.as_bytes()[first..last].to_vec())
    .collect();
    cores.dedup();
    cores
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
