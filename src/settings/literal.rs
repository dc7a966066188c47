//! How a text is spelt in TOML.

/// The place in `literal`, the spelling of a text with its quotes, of the byte `offset` of the text.
pub(super) fn raw_offset(literal: &str, offset: usize) -> usize {
    let is_basic = literal.starts_with('"');
    let is_long = literal.starts_with("\"\"\"") || literal.starts_with("'''");
    let mut at = if is_long { 3 } else { 1 };
    let after = |at: usize| literal.get(at..).unwrap_or_default();
    if is_long {
        // A line end right behind the quotes does not count.
        at += ["\r\n", "\n"]
            .iter()
            .find(|end| after(at).starts_with(**end))
            .map_or(0, |end| end.len());
    }
    let mut decoded = 0;
    while decoded < offset {
        let (raw, text) = match is_basic {
            true => escape(after(at)),
            false => None,
        }
        .unwrap_or_else(|| {
            let length = after(at).chars().next().map_or(0, char::len_utf8);
            (length, length)
        });
        if raw == 0 {
            break;
        }
        at += raw;
        decoded += text;
    }
    // A line end that does not count belongs to nothing.
    while let Some((raw, 0)) = escape(after(at)).filter(|_| is_basic) {
        at += raw;
    }
    at.min(literal.len())
}

/// The length of the escape at the beginning of `rest`, and that of what it stands for.
fn escape(rest: &str) -> Option<(usize, usize)> {
    let escaped = rest.strip_prefix('\\')?;
    let digits = match escaped.chars().next()? {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        white if white.is_whitespace() => {
            let length = escaped.len() - escaped.trim_start().len();
            return Some((1 + length, 0));
        }
        other => return Some((1 + other.len_utf8(), 1)),
    };
    let code = u32::from_str_radix(escaped.get(1..=digits)?, 16).ok()?;
    Some((2 + digits, char::from_u32(code)?.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_text_is_found_in_its_spelling() {
        for (literal, text) in [
            (r#""a = b""#, "a = b"),
            (r"'a \ = b'", r"a \ = b"),
            (r#""\"\u00e9\\ = b""#, "\"é\\ = b"),
            ("\"\"\"\na = b\"\"\"", "a = b"),
            ("\"\"\"a \\\n   = b\"\"\"", "a = b"),
            ("'''\r\na\n= b'''", "a\n= b"),
        ] {
            let offset = text.find('=').unwrap();
            let found = raw_offset(literal, offset);
            assert_eq!(
                literal[found..].trim_start().chars().next(),
                Some('='),
                "{literal}"
            );
        }
    }
}
