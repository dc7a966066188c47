//! Texts without their encoding: percent-encoding, JSON's escapes and HTML's references are read
//! back, however often they were applied and in whatever mixture, and each place in the result
//! is known in the original.
//!
//! Pure.

use std::iter::Peekable;
use std::ops::Range;

/// Decoding passes over a text; nobody encodes more often.
const MAX_PASSES: usize = 5;
/// `&#x10FFFF;` with some leading zeros.
const MAX_REFERENCE_LENGTH: usize = 16;

/// What each encoding begins with.
static MARKS: [u8; 3] = *b"%\\&";

/// A text read back: each encoding by itself, because what follows a secret need not be encoded
/// as it is; and all of them together, once, twice, until nothing is encoded any more.
///
/// Holds no more than the texts. Where its escapes were is read again when somebody asks, which
/// is seldom; a list of them would be many times as long as a text that is full of them.
pub(super) struct Decoded<'t> {
    text: &'t [u8],
    passes: Vec<DecodingPass>,
}

/// A text after one decoding pass.
struct DecodingPass {
    /// The number of the pass that this one decoded; `None` for the text itself.
    of: Option<usize>,
    marks: &'static [u8],
    bytes: Vec<u8>,
}

impl<'t> Decoded<'t> {
    pub(super) fn of(text: &'t [u8]) -> Self {
        let alone = MARKS
            .chunks(1)
            .filter_map(|mark| DecodingPass::of(text, None, mark));
        let mut passes: Vec<DecodingPass> = alone.collect();
        // Where only one encoding is used, all of them together are that one.
        let mut last = (passes.len() == 1).then_some(0);
        for _ in 0..MAX_PASSES {
            let before = last.and_then(|last: usize| passes.get(last));
            let before = before.map_or(text, |pass| &pass.bytes);
            let Some(pass) = DecodingPass::of(before, last, &MARKS) else {
                break;
            };
            passes.push(pass);
            last = Some(passes.len() - 1);
        }
        Self { text, passes }
    }

    /// The text after each pass; none when nothing in it is encoded.
    pub(super) fn passes(&self) -> impl Iterator<Item = &[u8]> {
        self.passes.iter().map(|pass| pass.bytes.as_slice())
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        let passes = self.passes.iter().map(|pass| pass.bytes.capacity());
        passes.sum()
    }

    /// Where the original has what stands at `ranges` of the pass with this number. They are
    /// not empty, ascend, and are apart from each other.
    pub(super) fn source(&self, pass: usize, ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
        let mut ranges = ranges;
        let mut pass = self.passes.get(pass);
        while let Some(this) = pass.filter(|_| !ranges.is_empty()) {
            pass = this.of.and_then(|before| self.passes.get(before));
            let before = pass.map_or(self.text, |before| &before.bytes);
            let mut places = Places::of(before, this.marks);
            for range in &mut ranges {
                *range = places.find(range.start).start..places.find(range.end - 1).end;
            }
        }
        ranges
    }
}

impl DecodingPass {
    /// `None` when nothing in `source` is encoded by what begins with one of `marks`.
    fn of(source: &[u8], of: Option<usize>, marks: &'static [u8]) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut copied = 0;
        for (text, place) in escapes(source, marks) {
            bytes.extend_from_slice(&source[copied..place.start]);
            bytes.extend_from_slice(text.as_bytes());
            copied = place.end;
        }
        bytes.extend_from_slice(&source[copied..]);
        (copied > 0).then_some(Self { of, marks, bytes })
    }
}

/// The escapes in `source` that begin with one of `marks`: what each stands for, and its place.
fn escapes(source: &[u8], marks: &[u8]) -> impl Iterator<Item = (Text, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += source[at..].iter().position(|byte| marks.contains(byte))?;
            if let Some((text, length)) = escape(&source[at..]) {
                let place = at..at + length;
                at = place.end;
                return Some((text, place));
            }
            at += 1;
        }
    })
}

/// Finds the places of a pass's bytes in what was read, in ascending order.
struct Places<'s> {
    escapes: Peekable<Box<dyn Iterator<Item = (Text, Range<usize>)> + 's>>,
    /// The last escape that was passed: its place in the pass, and in what was read.
    passed: (Range<usize>, Range<usize>),
}

impl<'s> Places<'s> {
    fn of(source: &'s [u8], marks: &'s [u8]) -> Self {
        let escapes: Box<dyn Iterator<Item = _>> = Box::new(escapes(source, marks));
        Self {
            escapes: escapes.peekable(),
            passed: (0..0, 0..0),
        }
    }

    /// Where the byte `at` of the pass comes from.
    fn find(&mut self, at: usize) -> Range<usize> {
        loop {
            let (read, source) = &self.passed;
            if read.contains(&at) {
                return source.clone();
            }
            let here = source.end + at - read.end;
            let Some((text, place)) = self.escapes.next_if(|(_, place)| place.start <= here) else {
                return here..here + 1;
            };
            let start = read.end + place.start - source.end;
            self.passed = (start..start + text.len(), place);
        }
    }
}

/// Bytes that an escape stands for; a percent-encoded byte need not be a whole character.
enum Text {
    Byte([u8; 1]),
    Character([u8; 4], usize),
}

impl Text {
    fn of(character: char) -> Self {
        let mut bytes = [0; 4];
        let length = character.encode_utf8(&mut bytes).len();
        Self::Character(bytes, length)
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Byte(byte) => byte,
            Self::Character(bytes, length) => &bytes[..*length],
        }
    }

    fn len(&self) -> usize {
        self.as_bytes().len()
    }
}

/// The escape that `bytes` begin with, and its length.
fn escape(bytes: &[u8]) -> Option<(Text, usize)> {
    match bytes.first()? {
        b'%' => Some((Text::Byte([hex_byte(bytes.get(1..3)?)?]), 3)),
        b'\\' => backslash(bytes),
        b'&' => reference(bytes),
        _ => None,
    }
}

fn backslash(bytes: &[u8]) -> Option<(Text, usize)> {
    let simple = |character| Some((Text::of(character), 2));
    match *bytes.get(1)? {
        byte @ (b'/' | b'"' | b'\\' | b'\'') => simple(char::from(byte)),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'x' => Some((Text::Byte([hex_byte(bytes.get(2..4)?)?]), 4)),
        b'u' => unicode(bytes),
        _ => None,
    }
}

/// `\uXXXX`, or two of them for a character beyond the first 65,536.
fn unicode(bytes: &[u8]) -> Option<(Text, usize)> {
    let unit = |at: usize| -> Option<u32> {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        hex(digits)
    };
    let first = unit(0)?;
    if let Some(character) = char::from_u32(first) {
        return Some((Text::of(character), 6));
    }
    let pair = [u16::try_from(first).ok()?, u16::try_from(unit(6)?).ok()?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((Text::of(character), 12))
}

fn reference(bytes: &[u8]) -> Option<(Text, usize)> {
    let window = &bytes[..bytes.len().min(MAX_REFERENCE_LENGTH)];
    let end = window.iter().position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&window[1..end]).ok()?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => hex(digits.as_bytes())?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((Text::of(character), end + 1))
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    u8::try_from(hex(digits)?).ok()
}

fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        value.checked_mul(16)?.checked_add(digit)
    })
}

#[cfg(test)]
#[path = "encodings_tests.rs"]
mod tests;
