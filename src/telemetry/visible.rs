//! Log lines in which nothing is hidden: senders and CRMs choose much of what stands in them, and
//! people read them on terminals.

use std::borrow::Cow;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::settings::LogFormat;
use crate::text::{visible, visible_json};

/// Makes writers that write lines of `format` to those of `inner`.
pub(super) struct Visible<M> {
    pub(super) inner: M,
    pub(super) format: LogFormat,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Visible<M> {
    type Writer = Lines<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines {
            inner: self.inner.make_writer(),
            format: self.format,
        }
    }
}

/// Writes lines, each of which comes whole.
pub(super) struct Lines<W> {
    inner: W,
    format: LogFormat,
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let shown = match self.format {
            LogFormat::Json => visible_json(&text),
            LogFormat::Pretty => but_colours(&text),
        };
        self.inner.write_all(shown.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The subscriber colours a line by escape sequences of its own; those in values it has escaped.
fn but_colours(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return visible(line);
    }
    let parts: Vec<Cow<'_, str>> = line.split('\u{1b}').map(visible).collect();
    Cow::Owned(parts.join("\u{1b}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: LogFormat, line: &str) -> String {
        let mut lines = Lines {
            inner: Vec::new(),
            format,
        };
        lines.write_all(line.as_bytes()).unwrap();
        String::from_utf8(lines.inner).unwrap()
    }

    #[test]
    fn a_line_hides_nothing_and_keeps_its_form() {
        assert_eq!(
            written(LogFormat::Json, "{\"key\":\"a\u{202e}b\u{e0041}\"}\n"),
            "{\"key\":\"a\\u202eb\\udb40\\udc41\"}\n"
        );
        assert_eq!(
            written(
                LogFormat::Pretty,
                "\u{1b}[32mINFO\u{1b}[0m a\u{202e}b\u{9b}\n"
            ),
            "\u{1b}[32mINFO\u{1b}[0m a\\u{202e}b\\u{9b}\n"
        );
    }
}
