//! The forms of a secret that are looked for, and how far each reaches in a text.
//!
//! Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::encodings::Decoded;

/// Shorter secrets are in any text by chance, and are not looked for.
pub(super) const MIN_LENGTH: usize = 4;
/// Shorter secrets are looked for as whole words only.
const MIN_LENGTH_WITHIN_WORDS: usize = 8;
/// From this length on, the first half of a secret is recognised too: whoever quotes us may cut.
const MIN_LENGTH_CUT: usize = 20;
/// How long the prefix of a long secret is: half of it, within these bounds.
const PREFIX_LENGTH: Range<usize> = 12..24;

/// One form of one secret.
pub(super) struct Pattern {
    bytes: Zeroizing<Vec<u8>>,
    /// For each place in `bytes`, how many bytes from there on are as those at the beginning.
    repeats: Vec<u32>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// The secret itself, too short to be looked for within words.
    Word,
    /// What is the same in base64 whatever stands before and behind the secret. Only its prefix.
    Base64,
}

/// The part of a text that reaches farthest among those that are as a pattern begins.
#[derive(Clone, Default)]
pub(super) struct Covered(Range<usize>);

impl Pattern {
    fn plain(bytes: Vec<u8>, kind: Kind) -> Self {
        Self {
            repeats: repeats(&bytes),
            bytes: Zeroizing::new(bytes),
            kind,
        }
    }

    fn base64(prefix: Vec<u8>) -> Self {
        Self {
            bytes: Zeroizing::new(prefix),
            repeats: Vec::new(),
            kind: Kind::Base64,
        }
    }

    pub(super) fn is_base64(&self) -> bool {
        self.kind == Kind::Base64
    }

    /// The part that must be there.
    pub(super) fn prefix(&self) -> &[u8] {
        match self.kind {
            Kind::Base64 => &self.bytes,
            Kind::Plain | Kind::Word => prefix(&self.bytes),
        }
    }

    /// How far it reaches in `text`, which has its prefix at `start`. Prefixes must be given in
    /// ascending order, with one `covered`.
    ///
    /// No byte of the text is compared twice with success: what is covered is known to be as the
    /// pattern begins, so the pattern itself tells how it goes on (the Z algorithm).
    pub(super) fn extent(
        &self,
        text: &[u8],
        start: usize,
        Covered(covered): &mut Covered,
    ) -> Option<Range<usize>> {
        let known = covered.end.saturating_sub(start);
        let repeats = self.repeats.get(start - covered.start);
        let repeats = repeats.map_or(0, |repeats| *repeats as usize);
        if known > 0 && repeats < known {
            return None;
        }
        let further = same(&text[start + known..], &self.bytes[known..]);
        *covered = start..start + known + further;
        let is_in_word = |at: Option<usize>| {
            let byte = at.and_then(|at| text.get(at));
            byte.is_some_and(u8::is_ascii_alphanumeric)
        };
        let is_cut_out = is_in_word(start.checked_sub(1)) || is_in_word(Some(covered.end));
        (self.kind != Kind::Word || !is_cut_out).then(|| covered.clone())
    }

    /// The whole run of base64 around `start`: its ends hold the first and the last bits of the
    /// secret.
    pub(super) fn run(&self, text: &[u8], start: usize) -> Option<Range<usize>> {
        let before = text[..start].iter().rev();
        let before = before.take_while(|byte| is_base64(**byte)).count();
        let behind = text[start..].iter();
        let is_behind = |byte: &&u8| is_base64(**byte) || **byte == b'=';
        let behind = behind.take_while(is_behind).count();
        #[cfg(test)]
        work::add(before + behind);
        Some(start - before..start + behind)
    }
}

/// How many bytes `one` and `other` have in common at their beginnings.
fn same(one: &[u8], other: &[u8]) -> usize {
    let pairs = one.iter().zip(other);
    let same = pairs.take_while(|(one, other)| one == other).count();
    #[cfg(test)]
    work::add(same + 1);
    same
}

/// The Z function of `bytes`.
fn repeats(bytes: &[u8]) -> Vec<u32> {
    let mut repeats: Vec<u32> = Vec::with_capacity(bytes.len());
    let mut covered = 0..0;
    for at in 0..bytes.len() {
        let known = usize::saturating_sub(covered.end, at);
        let within = repeats.get(at - covered.start).copied();
        let within = within.map_or(0, |repeats| repeats as usize).min(known);
        let mut length = within;
        // The first place repeats itself wholly, and tells nothing about the others.
        if at == 0 {
            length = bytes.len();
        } else if within == known {
            length += same(&bytes[at + known..], &bytes[known..]);
            covered = at..at + length;
        }
        // Settings and tokens are far below 4 GiB.
        repeats.push(u32::try_from(length).unwrap_or(u32::MAX));
    }
    repeats
}

fn prefix(bytes: &[u8]) -> &[u8] {
    match bytes.len() < MIN_LENGTH_CUT {
        true => bytes,
        false => &bytes[..(bytes.len() / 2).clamp(PREFIX_LENGTH.start, PREFIX_LENGTH.end)],
    }
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// What is looked for to find `secret`.
pub(super) fn patterns_of(secret: &str) -> Vec<Pattern> {
    let kind = match secret.len() < MIN_LENGTH_WITHIN_WORDS {
        true => Kind::Word,
        false => Kind::Plain,
    };
    let mut plain = vec![secret.as_bytes().to_vec()];
    // A secret that itself looks encoded is decoded with the text it stands in.
    plain.extend(Decoded::of(secret.as_bytes()).passes().map(<[u8]>::to_vec));
    let in_forms: Vec<Vec<u8>> = plain
        .iter()
        .filter(|bytes| bytes.contains(&b' '))
        .map(|bytes| with_plus(bytes))
        .collect();
    plain.extend(in_forms);
    plain.dedup();
    let mut patterns: Vec<Pattern> = plain
        .into_iter()
        .filter(|bytes| bytes.len() >= MIN_LENGTH)
        .map(|bytes| Pattern::plain(bytes, kind))
        .collect();
    if kind == Kind::Plain {
        let prefixes = (0..3).flat_map(|before| base64_prefixes(secret.as_bytes(), before));
        patterns.extend(prefixes.map(Pattern::base64));
    }
    patterns
}

/// Forms write a space as `+`.
fn with_plus(bytes: &[u8]) -> Vec<u8> {
    let written = bytes.iter().map(|byte| match byte {
        b' ' => b'+',
        other => *other,
    });
    written.collect()
}

/// The prefixes of what base64, in both alphabets, makes of `secret` behind `before` other bytes
/// (modulo three), without the characters that depend on what stands before and behind it.
fn base64_prefixes(secret: &[u8], before: usize) -> BTreeSet<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.extend_from_slice(secret);
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    let texts = [
        STANDARD_NO_PAD.encode(bytes.as_slice()),
        URL_SAFE_NO_PAD.encode(bytes.as_slice()),
    ];
    let texts = texts.map(Zeroizing::new);
    let prefixes = texts
        .iter()
        .map(|text| prefix(&text.as_bytes()[first..last]));
    prefixes.map(<[u8]>::to_vec).collect()
}

/// Counts the bytes that are compared.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local!(static COMPARED: Cell<usize> = const { Cell::new(0) });

    pub(super) fn add(bytes: usize) {
        COMPARED.set(COMPARED.get() + bytes);
    }

    /// How many `action` compares.
    pub(in crate::outbound) fn of(action: impl FnOnce()) -> usize {
        COMPARED.set(0);
        action();
        COMPARED.get()
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
