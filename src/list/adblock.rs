//! The format `adblock`: rules of an ad blocker. `||name^` is a name and all names below it, `@@||name^` its exception.
//!
//! All other rules are about URLs and pages, which a query does not show.

use super::sink::Sink;
use super::{Action, Found, Item, Reason, Scope, hosts, name};

/// Options that do not limit a rule: it blocks everything of a name.
const WHOLE: [&str; 4] = ["all", "document", "doc", "important"];
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
    let mut options = options.into_iter().flat_map(|options| options.split(','));
    if options.any(|option| !WHOLE.contains(&option.trim())) {
        return Err(Reason::Option);
    }
    let wire = name::parse(text).map_err(|_| Reason::Pattern)?;
    sink.put(&Found {
        item: Item::Name {
            wire: wire.as_slice(),
            scope: Scope::Tree,
        },
        action: exception.map(|_| Action::Passthru),
        before: exception.is_some(),
    });
    Ok(())
}
