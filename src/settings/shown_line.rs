//! A line of a file as it may be shown: what may be a secret is left out.

use std::ops::Range;

/// Keys of tables about a login that hold no secret.
const PLAIN: &[&str] = &[
    "type",
    "flow",
    "role",
    "header",
    "name",
    "username",
    "client_id",
    "token_url",
    "scope",
    "audience",
    "issuer",
    "jwks_url",
    "jwks_file",
    "algorithms",
    "env",
    "file",
];

/// What stands in place of a secret.
const HIDDEN: &str = "\"[secret]\"";

/// Whether the value of the key `name`, spelt `literal`, may be a secret. `is_login`: it stands in
/// a table about a login. A mistyped key may hold one, too.
pub(super) fn is_secret(name: &str, is_login: bool, literal: &str) -> bool {
    if !literal.starts_with(['"', '\'']) || ["env", "file"].contains(&name) {
        return false;
    }
    let lower = name.to_lowercase();
    let is_named = ["secret", "passw", "token", "private"]
        .iter()
        .any(|word| lower.contains(word));
    let is_plain = PLAIN.contains(&name);
    // A user and a password in an address.
    let has_user =
        literal.contains("://") && (literal.contains('@') || literal.contains("password"));
    has_user || (!is_plain && (is_named || is_login))
}

/// `line`, which begins at byte `start` of the file, without `secrets`; and which of its characters
/// are `marked`. `None`: the line begins within a secret.
pub(super) fn shown_line(
    line: &str,
    start: usize,
    marked: Range<usize>,
    secrets: &[Range<usize>],
) -> Option<(String, Range<usize>)> {
    if secrets
        .iter()
        .any(|one| one.start < start && one.end > start)
    {
        return None;
    }
    let mut shown = String::new();
    let mut characters = 0;
    let (mut from, mut to) = (None, None);
    for (at, character) in line.char_indices() {
        let at = start + at;
        if at >= marked.start {
            from.get_or_insert(characters);
        }
        if at >= marked.end {
            to.get_or_insert(characters);
        }
        match secrets.iter().find(|one| one.contains(&at)) {
            Some(secret) if secret.start == at => {
                shown.push_str(HIDDEN);
                characters += HIDDEN.chars().count();
            }
            Some(_) => {}
            None => {
                // A tab would move the mark below.
                shown.push(if character == '\t' { ' ' } else { character });
                characters += 1;
            }
        }
    }
    let from = from.unwrap_or(characters);
    Some((shown, from..to.unwrap_or(characters).max(from + 1)))
}

/// Whether a line that is not valid TOML may be shown: it begins like a key or a table, and says
/// nothing of secrets.
pub(super) fn may_show_invalid(line: &str) -> bool {
    let trimmed = line.trim_start();
    let is_key = |key: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.\" ".contains(c);
        !key.is_empty() && key.chars().all(plain)
    };
    let begins_well = trimmed.starts_with('[')
        || trimmed
            .split_once('=')
            .map_or(is_key(trimmed), |(key, _)| is_key(key));
    let lower = trimmed.to_lowercase();
    let words = [
        "secret", "secert", "passw", "token", "private", "key", "auth", "://",
    ];
    begins_well && !words.iter().any(|word| lower.contains(word))
}
