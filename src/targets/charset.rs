//! The characters of an answer: whatever they come in, they are read as UTF-8 afterwards.
//!
//! Pure.

use bytes::Bytes;

/// What Windows-1252 has in place of the control characters 0x80 to 0x9F of ISO-8859-1. Texts that
/// are called ISO-8859-1 are Windows-1252 in practice (WHATWG Encoding Standard).
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// `body` in UTF-8, without a byte order mark. `content_type` tells the characters where they are
/// not UTF-8 anyway; what nobody can read becomes a replacement character.
pub(super) fn in_utf8(content_type: &str, body: Bytes) -> Bytes {
    if let Some(rest) = body.strip_prefix(b"\xef\xbb\xbf") {
        return valid(body.slice_ref(rest));
    }
    let read_pair: Option<fn([u8; 2]) -> u16> = match body.first_chunk() {
        Some(b"\xff\xfe") => Some(u16::from_le_bytes),
        Some(b"\xfe\xff") => Some(u16::from_be_bytes),
        _ => None,
    };
    if let Some(read_pair) = read_pair {
        return from_utf16(&body[2..], read_pair);
    }
    let charset = charset(content_type);
    match charset.as_str() {
        "utf-16le" => from_utf16(&body, u16::from_le_bytes),
        "utf-16" | "utf-16be" => from_utf16(&body, u16::from_be_bytes),
        // A server that says ISO-8859-1 and sends UTF-8 is wrong about the first.
        _ if std::str::from_utf8(&body).is_ok() => body,
        "iso-8859-1" | "iso-8859-15" | "iso8859-1" | "latin1" | "windows-1252" | "cp1252" => {
            let text: String = body.iter().copied().map(of_windows_1252).collect();
            text.into()
        }
        _ => valid(body),
    }
}

/// The `charset` of a content type, in lower case; empty without one.
fn charset(content_type: &str) -> String {
    let mut parameters = content_type.split(';').skip(1);
    let charset = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
    });
    charset.unwrap_or_default()
}

fn of_windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn from_utf16(bytes: &[u8], read_pair: fn([u8; 2]) -> u16) -> Bytes {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().copied().map(read_pair).collect();
    String::from_utf16_lossy(&units).into()
}

fn valid(body: Bytes) -> Bytes {
    match std::str::from_utf8(&body) {
        Ok(_) => body,
        Err(_) => String::from_utf8_lossy(&body).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content_type: &str, body: &'static [u8]) -> String {
        String::from_utf8(in_utf8(content_type, Bytes::from_static(body)).to_vec()).unwrap()
    }

    const JSON: &str = "application/json";

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(text(JSON, b"\xef\xbb\xbf{}"), "{}");
        assert_eq!(text(JSON, b"\xff\xfe{\0}\0"), "{}");
        assert_eq!(text(JSON, b"\xfe\xff\0{\0}"), "{}");
        assert_eq!(text(JSON, b""), "");
    }

    #[test]
    fn the_content_type_says_which_characters_they_are() {
        let ungueltig = b"ung\xfcltig \x80";
        for name in ["ISO-8859-1", "\"iso-8859-1\"", "Windows-1252", "latin1"] {
            let content_type = format!("application/json; charset={name}");
            assert_eq!(text(&content_type, ungueltig), "ungültig €", "{name}");
        }
        assert_eq!(text("text/plain;charset=utf-16le", b"a\0"), "a");
    }

    #[test]
    fn utf_8_is_utf_8_whatever_the_content_type_says_and_the_rest_is_marked() {
        let latin = "application/json;charset=ISO-8859-1";
        assert_eq!(text(latin, "ungültig".as_bytes()), "ungültig");
        assert_eq!(text(JSON, b"ung\xfcltig"), "ung\u{fffd}ltig");
    }
}
