//! Makes text from outside safe to show. Characters that are invisible, or that change the reading
//! direction of the rest, are written as escapes (`\u{202e}`). Characters that a language needs
//! stay.

use std::borrow::Cow;
use std::fmt::Write;

/// How a character is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// `\u{202e}`.
    Plain,
    /// `\u202e`, which within a JSON text still is the character.
    Json,
}

/// `text` with invisible characters as escapes: control characters other than line ends and tabs,
/// characters that change the reading direction, characters without width, tag characters.
///
/// Joiners stay between letters that are not Latin and between emoji. Direction marks stay in a text
/// with right-to-left letters. A variation selector stays behind the character that it varies.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escape(text, Escape::Plain)
}

/// The JSON text `json` with the same characters as JSON escapes. Its value is the same.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    escape(json, Escape::Json)
}

fn escape(text: &str, escape_form: Escape) -> Cow<'_, str> {
    // Almost all text is printable ASCII.
    if text
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t'))
    {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut before = None;
    let mut characters = text.chars().peekable();
    let mut is_changed = false;
    let has_right_to_left = text.chars().any(is_right_to_left);
    while let Some(character) = characters.next() {
        let is_mark = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}');
        let belongs_here = is_mark && has_right_to_left;
        if belongs_here || is_visible(before, character, characters.peek().copied()) {
            result.push(character);
        } else {
            is_changed = true;
            push_escaped(&mut result, character, escape_form);
        }
        before = Some(character);
    }
    match is_changed {
        true => Cow::Owned(result),
        false => Cow::Borrowed(text),
    }
}

fn push_escaped(result: &mut String, character: char, escape_form: Escape) {
    // Writing to a `String` does not fail.
    let _ = match escape_form {
        Escape::Plain => write!(result, "\\u{{{:x}}}", u32::from(character)),
        Escape::Json => {
            let mut units = [0; 2];
            let mut units = character.encode_utf16(&mut units).iter();
            units.try_for_each(|unit| write!(result, "\\u{unit:04x}"))
        }
    };
}

/// Whether `character` is visible, or belongs to its neighbours.
fn is_visible(before: Option<char>, character: char, behind: Option<char>) -> bool {
    match character {
        '\n' | '\t' => true,
        '\r' => behind == Some('\n'),
        // Joiners: Persian and Indic scripts need them, and compound emoji.
        '\u{200c}' | '\u{200d}' => before.is_some_and(joins) && behind.is_some_and(joins),
        // Emoji or text style, also of a keycap.
        '\u{fe0e}' | '\u{fe0f}' => before.is_some_and(is_base),
        '\u{fe00}'..='\u{fe0d}'
        | '\u{180b}'..='\u{180d}'
        | '\u{180f}'
        | '\u{e0100}'..='\u{e01ef}' => {
            before.is_some_and(|before| is_base(before) && !before.is_ascii())
        }
        other => !other.is_control() && !is_invisible(other),
    }
}

/// Whether a variation selector can vary `character`. A selector varies no other selector: a row
/// of them could hide a text.
fn is_base(character: char) -> bool {
    !character.is_whitespace()
        && !character.is_control()
        && !is_invisible(character)
        && !is_selector(character)
}

fn joins(character: char) -> bool {
    !character.is_ascii() && !character.is_control() && !is_invisible(character)
}

const fn is_selector(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{e0100}'..='\u{e01ef}')
}

/// The blocks of scripts that are read from right to left.
const fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{590}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// Characters without a shape of their own: Unicode's `Default_Ignorable_Code_Point`, the direction
/// controls, and the line separators.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}'
    )
}

/// `text` in which no `[code]` and no `[/code]` begins, also not together with the text that follows
/// it. A ServiceNow journal would show the text between them as HTML.
pub(crate) fn without_code_tags(text: &str) -> Cow<'_, str> {
    let opens = |(at, _): &(usize, &str)| begins_code_tag(&text[*at..]);
    let mut tags = text.match_indices('[').filter(opens).peekable();
    if tags.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, bracket) in tags {
        result.push_str(&text[copied..at]);
        result.push('(');
        copied = at + bracket.len();
    }
    result.push_str(&text[copied..]);
    Cow::Owned(result)
}

/// Whether `text` begins with a tag, or with the beginning of one at its end.
fn begins_code_tag(text: &str) -> bool {
    ["[code]", "[/code]"].iter().any(|tag| {
        let length = tag.len().min(text.len());
        text.as_bytes()[..length].eq_ignore_ascii_case(&tag.as_bytes()[..length])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_direction_or_has_no_width_is_written_out() {
        for (text, shown) in [
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}"),
            ("bill\u{200b}ing", "bill\\u{200b}ing"),
            ("bill\u{200d}ing", "bill\\u{200d}ing"),
            ("a\u{200f}b", "a\\u{200f}b"),
            ("\u{feff}a\u{2060}", "\\u{feff}a\\u{2060}"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("\u{e0041}\u{e007f}", "\\u{e0041}\\u{e007f}"),
            (
                "\u{1b}[2J\u{9b}1m\u{7}\0\u{7f}",
                "\\u{1b}[2J\\u{9b}1m\\u{7}\\u{0}\\u{7f}",
            ),
            ("a\rb\u{ad}", "a\\u{d}b\\u{ad}"),
            ("a\u{fe0f}\u{fe0f}", "a\u{fe0f}\\u{fe0f}"),
            ("a\u{e0100}", "a\\u{e0100}"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(shown), shown, "what is shown is not changed again");
        }
    }

    #[test]
    fn the_languages_of_people_stay() {
        for text in [
            "Wartezeit > 300 s\n\tMünchen\r\n",
            "תור השירות",
            "خط الدعم \u{200f}(1)\u{200f}",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 1\u{fe0f}\u{20e3} 🇩🇪 👍🏽",
            "葛\u{e0100}",
            "Ελληνικά Київ 日本語 한국어 ไทย",
        ] {
            assert!(
                matches!(visible(text), Cow::Borrowed(_)),
                "{text}: {}",
                visible(text)
            );
        }
    }

    #[test]
    fn json_means_the_same_when_it_is_made_visible() {
        let value = serde_json::json!({"k\u{202e}": "a\u{200b}\u{e0041}\u{9b}ü"});
        let text = value.to_string();
        let shown = visible_json(&text);
        assert!(
            shown
                .chars()
                .all(|one| one.is_ascii_graphic() || one == 'ü'),
            "{shown}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }

    #[test]
    fn no_code_tag_begins_in_a_value_or_goes_on_behind_it() {
        for (text, shown) in [
            ("[code]<b>x</b>[/code]", "(code]<b>x</b>(/code]"),
            ("[[CoDe]x", "[(CoDe]x"),
            ("q [co", "q (co"),
            ("q [/cod", "q (/cod"),
            ("q [", "q ("),
        ] {
            assert_eq!(without_code_tags(text), shown);
        }
        for text in ["[coda] [1] [ref 3f9a] code] [ code]", "x", ""] {
            assert_eq!(without_code_tags(text), text);
        }
    }
}
