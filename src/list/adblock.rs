//! The format `adblock`: rules of an ad blocker. `||name^` is a name and all names below it, `@@||name^` its exception.
//!
//! All other rules are about URLs and pages, which a query does not show.

use super::sink::Sink;
use super::{Action, RANKS, Reason, Scope, hosts};

/// Option of rules that apply even before exceptions.
const IMPORTANT: &str = "important";
/// Other options that do not limit a rule: it blocks everything of a name.
const WHOLE: [&str; 3] = ["all", "document", "doc"];
/// Separators of rules about the elements of pages.
const OF_PAGES: [&str; 5] = ["##", "#@#", "#?#", "#$#", "#%#"];

/// Reads a line.
pub(super) fn line(text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    let text = text.trim();
    if text.is_empty() || text.starts_with(['!', '[']) {
        return Ok(());
    }
    if OF_PAGES.iter().any(|separator| text.contains(separator)) {
        return Err(Reason::Pattern);
    }
    if text.starts_with('#') {
        return Ok(());
    }
    sink.rank = RANKS - 1;
    if text.starts_with(|first: char| first.is_ascii_digit() || first == ':')
        && text.contains([' ', '\t'])
    {
        return hosts::line(text, sink);
    }
    let exception = text.strip_prefix("@@");
    let rule = exception.unwrap_or(text);
    let (pattern, options) = match rule.split_once('$') {
        Some((pattern, options)) => (pattern, Some(options)),
        None => (rule, None),
    };
    let text = pattern.strip_prefix("||").ok_or(Reason::Pattern)?;
    let text = text.strip_suffix('|').unwrap_or(text);
    let text = text.strip_suffix('^').ok_or(Reason::Pattern)?;
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        match option.trim() {
            IMPORTANT => sink.rank = 1,
            option if WHOLE.contains(&option) => {}
            _ => return Err(Reason::Option),
        }
    }
    // An exception comes before the rules that are as important.
    sink.rank -= u8::from(exception.is_some());
    let action = exception.map(|_| Action::Passthru);
    sink.name(text, Scope::Tree, action)
        .map_err(|_| Reason::Pattern)
}
