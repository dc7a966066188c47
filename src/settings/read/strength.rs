//! Whether a secret can be guessed. No message here repeats one.

use crate::settings::Secret;

/// Fewer characters than this can be guessed.
const LEAST: usize = 16;
/// Fewer different ones are a pattern, not chance.
const LEAST_DIFFERENT: usize = 5;

pub(super) const SHORT: &str =
    "the secret has fewer than 16 characters and can be guessed; make one: openssl rand -hex 32";

/// Whether `secret` is so short that it can be guessed.
pub(super) fn is_short(secret: &Secret) -> bool {
    secret.expose().chars().count() < LEAST
}

/// Why `secret` cannot be an admin token: whoever guesses it may change everything.
pub(super) fn of_admin_token(secret: &Secret) -> Option<&'static str> {
    let text = secret.expose();
    let mut characters: Vec<char> = text.chars().collect();
    if characters.len() < LEAST {
        return Some(SHORT);
    }
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < LEAST_DIFFERENT {
        return Some(
            "the secret has fewer than 5 different characters and can be guessed; make one: openssl rand -hex 32",
        );
    }
    is_a_name(text).then_some(
        "the secret is the name of a variable, as in our examples, not its value; make one: openssl rand -hex 32",
    )
}

/// Whether `text` looks like `RINGDOWN_ADMIN_TOKEN`, as the secrets of all examples do.
fn is_a_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let mut words = text.split('_');
    text.contains('_') && words.all(|word| !word.is_empty() && word.bytes().all(plain))
}
