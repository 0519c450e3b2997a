//! Recognises the format of a list by a line.

use super::{Format, address, cidr, drop_json};

/// Types of records that a zone begins with or has on most lines, and the class.
const OF_ZONES: [&str; 4] = ["IN", "SOA", "NS", "CNAME"];

/// The format of a list with this line; `None` for an empty line, a comment, or a line of no known format.
pub(super) fn format(line: &str) -> Option<Format> {
    let text = line.trim();
    if text.starts_with("[Adblock") || text.starts_with("||") || text.starts_with("@@") {
        return Some(Format::Adblock);
    }
    if drop_json::without_array(text).starts_with('{') {
        return Some(Format::DropJson);
    }
    if is_comment(text) {
        return None;
    }
    if ["$TTL", "$ORIGIN"]
        .iter()
        .any(|word| text.starts_with(word))
    {
        return Some(Format::Rpz);
    }
    let text = text.split(cidr::COMMENT).next().unwrap_or_default();
    let mut words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next());
    if matches!(first, "create" | "add" | "-exist" | "-!") && second.is_some() {
        return Some(Format::Ipset);
    }
    let start = first.split(['/', '-']).next().unwrap_or_default();
    if let Some(address) = address::parse(start.split('%').next().unwrap_or_default()) {
        let has_name = second.is_some_and(|word| {
            word.contains(|letter: char| letter.is_ascii_alphabetic())
                && address::parse(word).is_none()
        });
        let is_host = has_name && start == first && address::is_null(address);
        return Some(if is_host { Format::Hosts } else { Format::Cidr });
    }
    let of_zone = |word: &str| OF_ZONES.iter().any(|name| word.eq_ignore_ascii_case(name));
    if second.into_iter().chain(words).take(3).any(of_zone) {
        return Some(Format::Rpz);
    }
    if first.contains(['^', '$', '|']) || text.starts_with('/') {
        return Some(Format::Adblock);
    }
    let is_domain = second.is_none() && first.trim_end_matches('.').contains('.');
    is_domain.then_some(Format::Domains)
}

/// True for an empty line, and for one that is a comment in some format and nothing else in another.
pub(super) fn is_comment(text: &str) -> bool {
    text.is_empty() || text.starts_with(['#', ';', '!', '[', ']']) || text.starts_with("//")
}
