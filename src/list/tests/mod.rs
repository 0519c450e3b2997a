//! Lists as bytes in, items and reports out.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

use super::*;

mod addresses;
mod names;
mod pages;

/// Items in words, and the report of a list.
fn read(format: Option<Format>, text: &[u8], piece: usize) -> (Vec<String>, Report) {
    let mut items = Vec::new();
    let mut visit = |found: &Found<'_>| {
        items.push(words(found));
        Ok(())
    };
    let mut parser = Parser::new(format);
    for piece in text.chunks(piece) {
        parser.feed(piece, &mut visit);
    }
    let report = parser.finish(&mut visit);
    (items, report)
}

/// `192.0.2.0/24`, `ads.example` (below too), `=ads.example` (alone), `*.ads.example` (below), and the action.
fn words(found: &Found<'_>) -> String {
    let mut words = match found.item {
        Item::Prefix { address, length } => {
            let address = Ipv6Addr::from_bits(address);
            match (address.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(ipv4), Some(length)) => format!("{ipv4}/{length}"),
                _ => format!("{address}/{length}"),
            }
        }
        Item::Name { wire, scope } => {
            let mut labels = Vec::new();
            let mut rest = wire;
            while let [length, tail @ ..] = rest {
                let (label, tail) = tail.split_at(usize::from(*length));
                labels.push(std::str::from_utf8(label).unwrap());
                rest = tail;
            }
            let start = match scope {
                Scope::Tree => "",
                Scope::Exact => "=",
                Scope::Below => "*.",
            };
            format!("{start}{}", labels.join("."))
        }
    };
    if let Some(action) = found.action {
        words = format!("{words} {action:?}");
    }
    if found.rank != 0 {
        words = format!("{words} rank {}", found.rank);
    }
    words
}

fn owned(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

/// Each line of the format gives these items, or is skipped for this reason.
fn check(format: Format, lines: &[(&str, Result<&[&str], Reason>)]) {
    for (line, expected) in lines {
        let (items, report) = read(Some(format), line.as_bytes(), 4096);
        let reason = report.skipped.places().last().map(|place| place.reason);
        match expected {
            Ok(expected) => assert_eq!((items, reason), (owned(expected), None), "{line:?}"),
            Err(expected) => assert_eq!((items, reason), (vec![], Some(*expected)), "{line:?}"),
        }
    }
}

#[test]
fn format_is_told_by_the_first_line_of_a_known_format() {
    for (text, expected) in [
        (
            "; Spamhaus DROP List\n192.0.2.0/24 ; SBL1\n",
            Some(Format::Cidr),
        ),
        ("# FireHOL\n#\n0.0.0.0/8\n", Some(Format::Cidr)),
        ("192.0.2.1-192.0.2.9\n", Some(Format::Cidr)),
        ("2001:db8::/32\n", Some(Format::Cidr)),
        ("192.0.2.0 192.0.2.255 24 1 NAME ZZ\n", Some(Format::Cidr)),
        (
            "create block hash:net\nadd block 192.0.2.1\n",
            Some(Format::Ipset),
        ),
        ("add block 192.0.2.1\n", Some(Format::Ipset)),
        ("{\"cidr\":\"192.0.2.0/24\"}\n", Some(Format::DropJson)),
        ("# Title: hosts\n127.0.0.1 localhost\n", Some(Format::Hosts)),
        ("0.0.0.0 ads.example\n", Some(Format::Hosts)),
        ("# Title: domains\nads.example\n", Some(Format::Domains)),
        ("*.ads.example\n", Some(Format::Domains)),
        (
            "[Adblock Plus]\n! Title\n||ads.example^\n",
            Some(Format::Adblock),
        ),
        ("! Title\n||ads.example^\n", Some(Format::Adblock)),
        ("! Title\n@@||ads.example^\n", Some(Format::Adblock)),
        ("$TTL 60\n@ SOA . . 1 2 3 4 5\n", Some(Format::Rpz)),
        ("; zone\n@ IN SOA . . 1 2 3 4 5\n", Some(Format::Rpz)),
        ("ads.example CNAME .\n", Some(Format::Rpz)),
        ("ads.example 60 IN CNAME .\n", Some(Format::Rpz)),
        ("Last update\nads.example\n", Some(Format::Domains)),
        ("", None),
    ] {
        let (_, report) = read(None, text.as_bytes(), 4096);
        assert_eq!(report.format, expected, "{text:?}");
    }
    let (items, report) = read(None, b"Last update\nads.example\n", 4096);
    assert_eq!(items, ["ads.example"]);
    let reasons: Vec<_> = report.skipped.reasons().collect();
    assert_eq!(reasons, [(Reason::Unknown, 1)]);
}

#[test]
fn told_format_gives_the_items_of_the_given_format() {
    for text in [
        "[{\"cidr\":\"192.0.2.0/24\"}\n{\"cidr\":\"198.51.100.0/24\"}]\n",
        ",{\"cidr\":\"192.0.2.0/24\"}\n{\"cidr\":\"198.51.100.0/24\"}\n",
        "# Title (\nads.example CNAME .\n",
        "// Title (\n$ORIGIN example.\n# (\nads CNAME .\n",
    ] {
        let (items, report) = read(None, text.as_bytes(), 4096);
        assert!(!items.is_empty() && report.skipped.count() == 0, "{text:?}");
        let given = read(report.format, text.as_bytes(), 4096);
        assert_eq!((items, report), given, "{text:?}");
    }
}

#[test]
fn longest_lines_do_not_depend_on_the_pieces() {
    for length in MAX_LINE - 1..MAX_LINE + 6 {
        for (start, end) in [("\u{feff}", "\r\r"), ("\u{feff}", ""), ("", "\r\r")] {
            let padding = "#".repeat(length.saturating_sub(start.len() + end.len() + 9));
            let text = format!("{start}a.example{padding}{end}\n{start}b.example");
            let whole = read(Some(Format::Domains), text.as_bytes(), text.len());
            assert_eq!(read(Some(Format::Domains), text.as_bytes(), 7), whole);
        }
    }
}

#[test]
fn joined_files_may_have_a_byte_order_mark_each() {
    let text =
        "\u{feff}a.example\n\u{feff}b.example\r\n\u{feff}# comment\n\u{feff}\n\u{feff}c.example";
    let (items, report) = read(None, text.as_bytes(), 7);
    assert_eq!(items, ["a.example", "b.example", "c.example"]);
    assert_eq!(report.skipped.count(), 0);
}

#[test]
fn pieces_ends_of_lines_and_other_bytes_do_not_matter() {
    let text = b"\xef\xbb\xbf# Se\xf1or\r\nads.example\r\n\r\nb\0d.example\r\ncaf\xe9.example\r\nlast.example # \xf1";
    for piece in [1, 2, 3, 7, 4096] {
        let (items, report) = read(Some(Format::Domains), text, piece);
        assert_eq!(items, ["ads.example", "last.example"], "{piece}");
        let places = report.skipped.places().iter();
        let places: Vec<_> = places
            .map(|place| (place.line, place.reason, &*place.excerpt))
            .collect();
        assert_eq!(
            places,
            [
                (4, Reason::Nul, "b\0d.example"),
                (5, Reason::NotUtf8, "caf\u{fffd}.example")
            ]
        );
    }
}

#[test]
fn long_lines_are_skipped_and_counted_once() {
    let mut text = b"a.example\n".to_vec();
    text.extend(vec![b'x'; 3 * MAX_LINE]);
    text.extend(b"\nb.example");
    for piece in [100, MAX_LINE, 5 * MAX_LINE] {
        let (items, report) = read(Some(Format::Domains), &text, piece);
        assert_eq!(items, ["a.example", "b.example"]);
        let reasons: Vec<_> = report.skipped.reasons().collect();
        assert_eq!(reasons, [(Reason::TooLong, 1)]);
        assert_eq!(report.skipped.places()[0].excerpt.len(), 40);
    }
}

#[test]
fn first_five_places_are_kept_and_all_are_counted() {
    let text = "bad\n".repeat(1000) + "192.0.2.0/24";
    let (_, report) = read(Some(Format::Domains), text.as_bytes(), 100);
    assert_eq!(report.skipped.count(), 1001);
    let lines = report.skipped.places().iter().map(|place| place.line);
    assert_eq!(lines.collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn line_of_the_wrong_kind_does_not_tell_the_format() {
    for (text, of_names, format) in [
        ("feed.example\n192.0.2.1\n", false, Some(Format::Cidr)),
        (
            "0.0.0.0 ads.example\n192.0.2.1\n",
            false,
            Some(Format::Cidr),
        ),
        ("192.0.2.1\nads.example\n", true, Some(Format::Domains)),
        ("\"192.0.2.0/24\"\n192.0.2.1\n", false, Some(Format::Cidr)),
        ("\"192.0.2.0/24\"\n\"192.0.2.1\"\n", false, None),
    ] {
        let mut visit = |found: &Found<'_>| match found.item {
            Item::Prefix { .. } if of_names => Err(Reason::NoAddress),
            Item::Name { .. } if !of_names => Err(Reason::NoName),
            _ => Ok(()),
        };
        let mut parser = Parser::new(None);
        parser.feed(text.as_bytes(), &mut visit);
        let report = parser.finish(&mut visit);
        assert_eq!(report.format, format, "{text:?}");
        assert_eq!(report.kept, format.is_some().into(), "{text:?}");
    }
}

#[test]
fn compressed_list_is_binary_data() {
    let header = b"\x1f\x8b\x08\x08\x01\x02\x03\x04\x02\x03drop.txt";
    let (_, report) = read(None, header, 4096);
    let reason = report.skipped.places().first().map(|place| place.reason);
    assert_eq!(reason, Some(Reason::Nul));
}

#[test]
fn items_that_the_caller_refuses_are_skipped_lines() {
    let mut parser = Parser::new(None);
    let mut visit = |found: &Found<'_>| match found.item {
        Item::Prefix { length: 128, .. } => Ok(()),
        _ => Err(Reason::NoNetwork),
    };
    parser.feed(
        b"192.0.2.1\n192.0.2.0/24\n192.0.2.1-192.0.2.9\n",
        &mut visit,
    );
    let report = parser.finish(&mut visit);
    assert_eq!((report.kept, report.skipped.count()), (2, 2));
}

#[test]
fn unclosed_parentheses_end_after_some_lines() {
    let mut text = "@ SOA ns. host. ( 1\n".to_owned();
    text += &"ads.example CNAME .\n".repeat(300);
    let (items, report) = read(Some(Format::Rpz), text.as_bytes(), 4096);
    assert_eq!((items.len(), report.skipped.count()), (201, 1));
}

#[test]
fn relative_origins_do_not_grow_without_bound() {
    let text = "$ORIGIN a\n".repeat(1000) + "ads CNAME .\n";
    let (items, report) = read(Some(Format::Rpz), text.as_bytes(), 4096);
    assert_eq!((items.len(), report.skipped.count()), (0, 874));
}
