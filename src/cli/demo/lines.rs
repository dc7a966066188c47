//! Lines that fit a terminal of 80 columns.

/// `text` in lines of at most `width` characters, broken between words; further lines begin with
/// `indent` spaces. A word that is longer stands alone.
pub(super) fn wrapped(text: &str, indent: usize, width: usize) -> Vec<String> {
    let lead = text.len() - text.trim_start().len();
    let mut lines = Vec::new();
    let mut line = " ".repeat(lead);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let room = line.chars().count() + usize::from(!is_empty) + word.chars().count();
        if room > width && !is_empty {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_keep_their_indent() {
        assert_eq!(
            wrapped("  one two three four", 4, 11),
            ["  one two", "    three", "    four"]
        );
        assert_eq!(wrapped("short", 4, 11), ["short"]);
    }
}
