//! Text escaped for HTML.

use std::fmt::{self, Write as _};

use crate::base::escape::is_control;

/// Names separated by commas, escaped for HTML.
pub(super) struct Names<I>(pub(super) I);

impl<'a, I: Iterator<Item = &'a str> + Clone> Names<I> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.clone().next().is_none()
    }
}

impl<'a, I: Iterator<Item = &'a str> + Clone> fmt::Display for Names<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.clone().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", Html(name))?;
        }
        Ok(())
    }
}

/// Text escaped for HTML, between tags or inside an attribute in double quotes.
pub(super) struct Html<'a>(pub(super) &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\n' | '\t' => f.write_char(c),
            c if is_control(c) => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })
    }
}
