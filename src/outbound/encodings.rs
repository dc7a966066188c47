//! Texts without their encoding: percent-encoding, JSON's escapes and HTML's references are read
//! back, however often they were applied and in whatever mixture, and each place in the result
//! is known in the original.
//!
//! Pure.

use std::ops::Range;

/// How often a text is read back; nobody encodes more often.
const MOST_READINGS: usize = 5;
/// `&#x10FFFF;` with some leading zeros.
const LONGEST_REFERENCE: usize = 16;

/// What each encoding begins with.
const MARKS: [u8; 3] = *b"%\\&";

/// A text read back: each encoding by itself, because what follows a secret need not be encoded
/// as it is; and all of them together, once, twice, until nothing is encoded any more.
pub(super) struct Decoded(Vec<Reading>);

/// One reading of a text.
struct Reading {
    /// The number of the reading that was read; `None` for the text itself.
    of: Option<usize>,
    bytes: Vec<u8>,
    escapes: Vec<Escape>,
}

/// Where `length` bytes of a reading stand for `source_length` bytes of the text before it.
struct Escape {
    at: usize,
    length: usize,
    source: usize,
    source_length: usize,
}

impl Decoded {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let alone = MARKS.iter().filter_map(|mark| Reading::of(bytes, &[*mark]));
        let mut readings: Vec<Reading> = alone.collect();
        // Where only one encoding is used, all of them together are that one.
        let mut last = (readings.len() == 1).then_some(0);
        for _ in 0..MOST_READINGS {
            let text = last.and_then(|last: usize| readings.get(last));
            let text = text.map_or(bytes, |reading| &reading.bytes);
            match Reading::of(text, &MARKS) {
                Some(reading) => readings.push(Reading {
                    of: last,
                    ..reading
                }),
                None => break,
            }
            last = Some(readings.len() - 1);
        }
        Self(readings)
    }

    /// What each reading made of the text; none when nothing in it is encoded.
    pub(super) fn readings(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|reading| reading.bytes.as_slice())
    }

    /// Where the original has what stands at `range` of the reading with this number.
    pub(super) fn source(&self, reading: usize, range: Range<usize>) -> Range<usize> {
        let first = self.0.get(reading);
        let chain = std::iter::successors(first, |reading| self.0.get(reading.of?));
        chain.fold(range, |range, reading| reading.source(range))
    }
}

impl Reading {
    /// `None` when nothing in `source` is encoded by what begins with one of `marks`.
    fn of(source: &[u8], marks: &[u8]) -> Option<Self> {
        let mut reading = Self {
            of: None,
            bytes: Vec::new(),
            escapes: Vec::new(),
        };
        let mut copied = 0;
        let mut at = 0;
        let is_mark = |byte: &u8| marks.contains(byte);
        while let Some(found) = source[at..].iter().position(is_mark) {
            at += found;
            let Some((text, length)) = escape(&source[at..]) else {
                at += 1;
                continue;
            };
            reading.bytes.extend_from_slice(&source[copied..at]);
            reading.escapes.push(Escape {
                at: reading.bytes.len(),
                length: text.len(),
                source: at,
                source_length: length,
            });
            reading.bytes.extend_from_slice(text.as_bytes());
            at += length;
            copied = at;
        }
        reading.bytes.extend_from_slice(&source[copied..]);
        (!reading.escapes.is_empty()).then_some(reading)
    }

    fn source(&self, range: Range<usize>) -> Range<usize> {
        if range.is_empty() {
            let at = self.place(range.start).start;
            return at..at;
        }
        self.place(range.start).start..self.place(range.end - 1).end
    }

    /// Where the byte `at` comes from.
    fn place(&self, at: usize) -> Range<usize> {
        let after = self.escapes.partition_point(|escape| escape.at <= at);
        let Some(escape) = after.checked_sub(1).and_then(|last| self.escapes.get(last)) else {
            return at..at + 1;
        };
        let source_end = escape.source + escape.source_length;
        match at.checked_sub(escape.at + escape.length) {
            Some(beyond) => source_end + beyond..source_end + beyond + 1,
            None => escape.source..source_end,
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
    let window = &bytes[..bytes.len().min(LONGEST_REFERENCE)];
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
mod tests {
    use super::*;

    fn decoded(text: &str) -> String {
        let decoded = Decoded::of(text.as_bytes());
        let last = decoded.readings().last().unwrap_or(text.as_bytes());
        String::from_utf8_lossy(last).into_owned()
    }

    #[test]
    fn each_encoding_is_read_back() {
        for text in [
            "a/b c",
            "a%2Fb c",
            "a%2fb%20c",
            r"a\/b\u0020c",
            "a&#x2F;b&#32;c",
            "%61%2F%62 c",
            "a%252Fb c",
            r"a\\u002Fb c",
            "a&amp;#47;b c",
        ] {
            assert_eq!(decoded(text), "a/b c", "{text}");
        }
        assert_eq!(decoded(r"\ud83d\ude00"), "😀");
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "100%",
            "%zz",
            "&",
            "&nothing;",
            r"C:\dir",
            r"\u12",
            r"\ud83d",
            "&#xZZ;",
        ] {
            assert_eq!(decoded(text), text);
        }
    }

    #[test]
    fn a_place_is_found_again_in_the_original() {
        let text = r"x%252F\u002fy&amp;z";
        let whole = Decoded::of(text.as_bytes());
        assert_eq!(whole.readings().last(), Some(b"x//y&z".as_slice()));
        let last = whole.readings().count() - 1;
        let source = |range| &text[whole.source(last, range)];
        assert_eq!(source(0..1), "x");
        assert_eq!(source(1..2), "%252F");
        assert_eq!(source(1..4), r"%252F\u002fy");
        assert_eq!(source(4..6), "&amp;z");
    }
}
