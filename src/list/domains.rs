//! The format `domains`: a domain on each line. It matches itself and all names below it, also as `*.name` or `.name`.

use super::sink::Sink;
use super::{Reason, Scope};

/// Reads a line.
pub(super) fn line(text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    let text = text.split('#').next().unwrap_or_default().trim();
    if text.is_empty() || text.starts_with(['!', ';']) || text.starts_with("//") {
        return Ok(());
    }
    let text = text.split(';').next().unwrap_or_default().trim_end();
    let below = text.strip_prefix('*').unwrap_or(text).strip_prefix('.');
    match below {
        Some(name) => sink.name(name, Scope::Tree, None),
        // A word such as the heading of a table would be a top-level domain.
        None if !text.trim_end_matches('.').contains('.') && !text.contains(' ') => {
            Err(Reason::OneLabel)
        }
        None => sink.name(text, Scope::Tree, None),
    }
}
