//! The header `Forwarded` (RFC 7239), read strictly. Pure.
//!
//! A proxy appends its element to what the client sent, after a comma or as a line of its own.
//! A quote that the client leaves open would swallow that element, and a lenient reader would
//! believe the client's. So a line counts only if it fits the grammar to its end. The one
//! leniency changes no element's bounds: a value without quotes may hold the `:`, `[` and `]` of an
//! address with a port, and there may be spaces around `;`.

use std::borrow::Cow;

/// The `for` parameters of the elements of one header line, in order, `None` for an element
/// without one. `Err`: the line does not fit the grammar.
pub(super) fn for_parameters(line: &[u8]) -> Result<Vec<Option<Cow<'_, [u8]>>>, Malformed> {
    let mut rest = Rest(line);
    let mut elements = vec![rest.element()?];
    while rest.take(b',') {
        elements.push(rest.element()?);
    }
    match rest.0 {
        [] => Ok(elements),
        _ => Err(Malformed),
    }
}

/// The line does not fit the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The rest of a line.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Pairs between semicolons, none of which need be there.
    fn element(&mut self) -> Result<Option<Cow<'a, [u8]>>, Malformed> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut client = None;
        loop {
            self.skip_spaces();
            let name = self.while_true(is_token);
            if !name.is_empty() {
                let value = self.value()?;
                if names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                    return Err(Malformed);
                }
                names.push(name);
                if name.eq_ignore_ascii_case(b"for") {
                    client = Some(value);
                }
                self.skip_spaces();
            }
            if !self.take(b';') {
                return Ok(client);
            }
        }
    }

    /// `=` and a token or a quoted string.
    fn value(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        if !self.take(b'=') {
            return Err(Malformed);
        }
        if self.take(b'"') {
            return self.quoted();
        }
        match self.while_true(|byte| is_token(byte) || matches!(byte, b':' | b'[' | b']')) {
            [] => Err(Malformed),
            value => Ok(value.into()),
        }
    }

    /// The rest of a quoted string, whose first quote has been taken.
    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        let mut value = Cow::Borrowed(self.while_true(is_quotable));
        while self.take(b'\\') {
            let (&escaped, rest) = self.0.split_first().ok_or(Malformed)?;
            if !(is_quotable(escaped) || matches!(escaped, b'"' | b'\\')) {
                return Err(Malformed);
            }
            self.0 = rest;
            let value = value.to_mut();
            value.push(escaped);
            value.extend_from_slice(self.while_true(is_quotable));
        }
        self.take(b'"').then_some(value).ok_or(Malformed)
    }

    fn take(&mut self, wanted: u8) -> bool {
        match self.0.split_first() {
            Some((&first, rest)) if first == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn while_true(&mut self, holds: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !holds(*byte));
        let (taken, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    fn skip_spaces(&mut self) {
        self.while_true(|byte| matches!(byte, b' ' | b'\t'));
    }
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The characters that a quoted string may contain without an escape (RFC 9110, section 5.6.4).
fn is_quotable(byte: u8) -> bool {
    match byte {
        b'"' | b'\\' | 0x7f => false,
        b'\t' => true,
        _ => byte >= b' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(line: &str) -> Option<Vec<Option<String>>> {
        let elements = for_parameters(line.as_bytes()).ok()?;
        let text = |value: Cow<'_, [u8]>| String::from_utf8(value.into_owned()).unwrap();
        Some(elements.into_iter().map(|one| one.map(text)).collect())
    }

    #[test]
    fn elements_and_pairs_are_read_as_the_grammar_says() {
        for (line, expected) in [
            (
                "for=192.0.2.60;proto=http;by=203.0.113.43",
                vec![Some("192.0.2.60")],
            ),
            (
                "For=\"[2001:db8::17]:4711\"",
                vec![Some("[2001:db8::17]:4711")],
            ),
            (
                "for=a, for=b;x=y ,for=c",
                vec![Some("a"), Some("b"), Some("c")],
            ),
            (r#"x="for=g, for=h;\"\\", for=a"#, vec![None, Some("a")]),
            (r#"for="\1.2.3.4""#, vec![Some("1.2.3.4")]),
            ("for=1.2.3.4:80; proto=https", vec![Some("1.2.3.4:80")]),
            ("proto=https", vec![None]),
            ("for=\"\"", vec![Some("")]),
            ("", vec![None]),
            (",, for=a;;", vec![None, None, Some("a")]),
        ] {
            let expected = expected.into_iter().map(|one| one.map(str::to_owned));
            assert_eq!(clients(line), Some(expected.collect()), "{line}");
        }
    }

    #[test]
    fn whatever_does_not_fit_to_the_end_is_malformed() {
        for line in [
            "for=g;x=\"",
            "for=g;x=\", for=a",
            r#"for=g;x="\"", for=a;by=""#,
            r#"for=g;x="\""#,
            "for=g;x=\"a\"b",
            "for=g;for=h",
            "for=g;FOR=h",
            "for=",
            "for",
            "for =a",
            "for= a",
            "=a",
            "for=a b",
            "for=a\\",
            "for=a@b",
            "for=a/b, for=c",
            "for=(a)",
            "for=a\u{e9}",
            "for=\"a\u{1}\"",
        ] {
            assert_eq!(clients(line), None, "{line}");
        }
    }

    #[test]
    fn bytes_beyond_ascii_may_stand_in_quotes_only() {
        assert!(for_parameters(b"x=\"\xff\", for=a").is_ok());
        assert!(for_parameters(b"x=\xff, for=a").is_err());
    }
}
