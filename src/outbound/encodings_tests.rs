//! Texts are read back, and places are found again.

use super::*;

fn decoded(text: &str) -> String {
    let decoded = Decoded::of(text.as_bytes());
    let last = decoded.passes().last().unwrap_or(text.as_bytes());
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
    assert_eq!(whole.passes().last(), Some(b"x//y&z".as_slice()));
    let last = whole.passes().count() - 1;
    let source = |range: Range<usize>| {
        let found = whole.source(last, vec![range]);
        &text[found[0].clone()]
    };
    assert_eq!(source(0..1), "x");
    assert_eq!(source(1..2), "%252F");
    assert_eq!(source(1..4), r"%252F\u002fy");
    assert_eq!(source(4..6), "&amp;z");
}
#[test]
fn several_places_are_found_in_one_pass() {
    let text = "%41b%43&amp;%25%34%35";
    let whole = Decoded::of(text.as_bytes());
    let last = whole.passes().count() - 1;
    assert_eq!(whole.passes().last(), Some(b"AbC&E".as_slice()));
    let found = whole.source(last, vec![0..1, 1..2, 3..5]);
    let found: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
    assert_eq!(found, ["%41", "b", "&amp;%25%34%35"]);
}

#[test]
fn a_text_full_of_escapes_takes_no_more_memory_than_a_few_copies() {
    for text in [r"\\", "%41", r"\\%5c&lt;", "%25", "&amp;"] {
        let text = text.repeat(100_000);
        let decoded = Decoded::of(text.as_bytes());
        let held = decoded.held();
        assert!(held <= 8 * text.len(), "{held} bytes for {}", text.len());
    }
}
