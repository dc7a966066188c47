//! Looking for a secret takes time in proportion to the text, and finds what comparing at each
//! place would.

use proptest::prelude::*;

use super::*;
use crate::outbound::finder::Finder;

/// Bytes compared to find `secrets` in `length` times `A`.
fn work_in(length: usize, secrets: &[String]) -> usize {
    let finder = Finder::of(secrets.iter().map(String::as_str));
    let text = vec![b'A'; length];
    work::of(|| {
        let found = finder.find(&text);
        assert_eq!((found.len(), &found[0]), (1, &(0..length)));
    })
}

#[test]
fn a_secret_of_one_repeated_letter_costs_no_more_than_the_text_is_long() {
    let token = |length| ["A".repeat(length)];
    let length = 64 * 1024;
    // Twice the text, twice the work; and the length of the secret does not count.
    for longest in [100, 4 * 1024, 16 * 1024] {
        let work = work_in(length, &token(longest));
        assert!(work <= 8 * length, "{work} for a token of {longest}");
        let twice = work_in(2 * length, &token(longest));
        assert!(twice <= 3 * work, "{work}, then {twice}");
    }
    // Nor do endings that never come.
    let tokens: Vec<String> = (0..8)
        .map(|end| format!("{}{end}", "A".repeat(4096)))
        .collect();
    let work = work_in(length, &tokens);
    assert!(work <= 8 * tokens.len() * length, "{work}");
}

proptest! {
    #[test]
    fn what_is_covered_is_what_comparing_everywhere_covers(
        secret in "[ab]{8,40}",
        text in "([ab]{0,60}|(ab){0,30}|a{0,60}){1,3}",
    ) {
        let pattern = Pattern::plain(secret.clone().into_bytes(), Kind::Plain);
        let text = text.as_bytes();
        let mut expected = vec![false; text.len()];
        let mut found = expected.clone();
        let mut covered = Covered::default();
        let head = pattern.prefix();
        for start in 0..text.len() {
            if !text[start..].starts_with(head) {
                continue;
            }
            let end = start + same(&text[start..], secret.as_bytes());
            expected[start..end].fill(true);
            if let Some(extent) = pattern.extent(text, start, &mut covered) {
                found[extent].fill(true);
            }
        }
        prop_assert_eq!(found, expected);
    }
}
