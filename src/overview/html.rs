//! `/`, for a person.

use std::fmt::{self, Write};

use super::Overview;
use crate::metrics::Text;

impl Overview<'_> {
    /// Writes `/`; how long it is, or `None` when it does not fit.
    pub fn page(&mut self, page: &mut [u8]) -> Option<usize> {
        let mut text = Text::new(page);
        self.html(&mut text).ok()?;
        Some(text.len())
    }

    fn html(&mut self, text: &mut Text<'_>) -> fmt::Result {
        text.write_str("<!doctype html><html lang=en><meta charset=utf-8><title>corexdp</title><h1>corexdp</h1><ul>\n")?;
        for filter in self.filters {
            let program = &filter.program.info;
            let (interface, name) = (Html(&filter.interface), Html(&program.name));
            write!(text, "<li>{interface}: {name}, program {}, ", program.id)?;
            match filter.attachment() {
                Some(attachment) => write!(text, "{} mode", attachment.mode)?,
                None => text.write_str("not attached")?,
            }
            if let Some(reason) = filter.reason() {
                write!(text, " ({})", Html(reason))?;
            }
            text.write_str("<table>\n")?;
            self.numbers(filter, |metric, number| {
                writeln!(
                    text,
                    "<tr><td>{}<td>{}<td>{number}",
                    Html(&metric.help),
                    Html(&metric.name)
                )
            })?;
            text.write_str("</table>\n")?;
        }
        text.write_str("</ul><p><a href=/metrics>metrics</a>\n")
    }
}

/// Text as HTML shows it.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_keeps_marks_from_being_read() {
        assert_eq!(
            Html("<a & \"b\">").to_string(),
            "&lt;a &amp; &quot;b&quot;&gt;"
        );
    }
}
