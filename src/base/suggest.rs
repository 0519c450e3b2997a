//! Suggestions for an unknown name.

use std::fmt::Write as _;

/// Maximum length of a compared name in bytes. The limit bounds the time of the comparison.
const MAX_NAME: usize = 64;
/// Maximum number of names in a list.
const MAX_LISTED: usize = 14;

/// The name nearest to `wrong`; `None` if no name is similar. Names are similar if at most a third of the letters
/// differ, two letters are swapped, or one name contains the other.
pub fn nearest<'a>(wrong: &str, names: &[&'a str]) -> Option<&'a str> {
    let (mut nearest, mut least) = (None, usize::MAX);
    for name in names {
        let Some(edits) = distance(wrong.as_bytes(), name.as_bytes()) else {
            continue;
        };
        let is_similar =
            is_misspelling(wrong, name, edits) || contains(name, wrong) || contains(wrong, name);
        if is_similar && edits < least {
            (nearest, least) = (Some(*name), edits);
        }
    }
    nearest
}

/// The name that `word` misspells: at most a third of the letters differ, or two letters are swapped. `None` if `word`
/// is one of the names.
pub fn misspelt<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    if names.contains(&word) {
        return None;
    }
    let is_near = |name: &&&str| {
        distance(word.as_bytes(), name.as_bytes())
            .is_some_and(|edits| is_misspelling(word, name, edits))
    };
    names.iter().find(is_near).copied()
}

/// True if at most a third of the letters differ, or two letters are swapped. `edits` is the distance of the words.
fn is_misspelling(word: &str, name: &str, edits: usize) -> bool {
    let letters = |word: &str| {
        let mut letters = word.to_ascii_lowercase().into_bytes();
        letters.sort_unstable();
        letters
    };
    edits <= (word.len() / 3).max(1) || edits == 2 && letters(name) == letters(word)
}

/// Remedy for the unknown name `wrong`: the nearest name, or else all names.
pub fn suggestion(wrong: &str, names: &[&str]) -> String {
    match nearest(wrong, names) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("use {}", list(names, " or ")),
    }
}

/// Names separated by commas, with `last` before the last name: `a, b and c`. A list of more than 14 names ends with
/// the number of the omitted names.
pub fn list(names: &[&str], last: &str) -> String {
    let mut text = String::new();
    for (number, name) in names.iter().take(MAX_LISTED).enumerate() {
        text.push_str(match number {
            0 => "",
            _ if number + 1 == names.len() => last,
            _ => ", ",
        });
        text.push_str(name);
    }
    if let Some(more @ 1..) = names.len().checked_sub(MAX_LISTED) {
        let _ = write!(text, " and {more} more");
    }
    text
}

/// True if `name` contains `part`, ignoring case. `part` needs three letters: many names contain any two letters.
fn contains(name: &str, part: &str) -> bool {
    let mut windows = name.as_bytes().windows(part.len().max(3));
    windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// Levenshtein distance in bytes, ignoring case; `None` for names longer than `MAX_NAME`.
fn distance(left: &[u8], right: &[u8]) -> Option<usize> {
    if left.len().max(right.len()) > MAX_NAME {
        return None;
    }
    let [left, right] = [left, right].map(<[u8]>::to_ascii_lowercase);
    Some(strsim::generic_levenshtein(&left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_near() {
        let names = ["ebpf", "prometheus", "debug", "health", "ready", "reload"];
        for (word, expected) in [
            ("promotheus", Some("prometheus")),
            ("Prometheus", Some("prometheus")),
            ("prometeus", Some("prometheus")),
            ("epbf", Some("ebpf")),
            ("bpf", Some("ebpf")),
            ("eBPF", Some("ebpf")),
            ("helth", Some("health")),
            ("relaod", Some("reload")),
            ("realod", Some("reload")),
            ("redy", Some("ready")),
            ("debugg", Some("debug")),
            ("ebpf", None),
            ("reload", None),
            ("", None),
            ("healthcheck", None),
            ("relay", None),
            ("read", Some("ready")),
        ] {
            assert_eq!(misspelt(word, &names), expected, "{word}");
        }
        // Plugins of CoreDNS 1.12 (`plugin.cfg`) and external ones. corexdp skips their directives without a warning.
        let plugins = "root metadata geoip cancel tls timeouts multisocket bufsize bind trace pprof errors log dnstap \
            local dns64 acl any chaos loadbalance tsig cache rewrite header dnssec autopath minimal template transfer \
            hosts route53 azure clouddns k8s_external kubernetes file auto secondary etcd loop forward grpc erratic \
            whoami on sign view nomad quic nsid grpc_server https https3 fanout redis alias records recursor unbound \
            rrl mdns pdsql ads git policy netbox ens fallback alternate demo firewall finalize federation";
        for plugin in plugins.split_whitespace() {
            assert_eq!(misspelt(plugin, &names), None, "{plugin}");
        }
    }

    #[test]
    fn nearest_name_is_similar() {
        let names = ["action", "family", "ACL_DROP", "ACL_PASS", "packets", "x"];
        for (wrong, expected) in [
            ("acton", Some("action")),
            ("Action", Some("action")),
            ("famliy", Some("family")),
            ("actoin", Some("action")),
            ("xy", Some("x")),
            ("packet", Some("packets")),
            ("DROP", Some("ACL_DROP")),
            ("packets_total", Some("packets")),
            ("pass", Some("ACL_PASS")),
            ("y", Some("x")),
            ("verdict", None),
            ("", Some("x")),
            ("AC", None),
            (&"a".repeat(65), None),
        ] {
            assert_eq!(nearest(wrong, &names), expected, "{wrong}");
        }
        assert_eq!(nearest("a", &["b".repeat(65).as_str()]), None);
    }

    #[test]
    fn suggestion_is_the_nearest_name_or_all_names() {
        let names = ["packets", "bytes", "drops"];
        for (wrong, expected) in [
            ("byte", "did you mean bytes?"),
            ("colour", "use packets, bytes or drops"),
        ] {
            assert_eq!(suggestion(wrong, &names), expected);
        }
        let many: Vec<String> = (0..16).map(|number| number.to_string()).collect();
        for (count, expected) in [
            (0, ""),
            (1, "0"),
            (2, "0 and 1"),
            (14, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 13"),
            (
                16,
                "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 2 more",
            ),
        ] {
            let names: Vec<_> = many.iter().take(count).map(String::as_str).collect();
            assert_eq!(list(&names, " and "), expected);
        }
    }

    #[test]
    fn distance_counts_edits() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "ABC", 0),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(distance(left.as_bytes(), right.as_bytes()), Some(expected));
        }
    }
}
