//! Web pages in the place of a list: they give no items in any format.

use super::*;

/// The end of a page, with a line for each format that would give an item.
const LINES: &str = "
192.0.2.0/24
add block 192.0.2.1
{\"cidr\":\"192.0.2.0/24\"}
0.0.0.0 ads.example
ads.example
||ads.example^
ads.example CNAME .
</html>
192.0.2.1
ads.example
";

fn formats() -> impl Iterator<Item = Option<Format>> {
    Format::ALL.into_iter().map(Some).chain([None])
}

/// Number of items, and the places of skipped lines.
fn outcome(format: Option<Format>, text: &[u8], piece: usize) -> (usize, Vec<(u64, Reason)>) {
    let (items, report) = read(format, text, piece);
    let places = report.skipped.places().iter();
    (
        items.len(),
        places.map(|place| (place.line, place.reason)).collect(),
    )
}

#[test]
fn pages_give_no_items() {
    let long = format!("<!doctype html>{}", " ".repeat(2 * MAX_LINE));
    let indented = format!("{}<html>", " ".repeat(MAX_LINE - 6));
    for start in [
        "<!DOCTYPE html>",
        "\u{feff}<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">",
        "<html lang=\"en\">",
        " \t<HEAD><TITLE>Login</TITLE>",
        "<?xml version=\"1.0\"?>",
        "<!-- generated -->",
        "<p>Welcome",
        "</div>",
        &long,
        &indented,
    ] {
        let text = format!("\r\n{start}{LINES}");
        for format in formats() {
            for piece in [7, text.len()] {
                let found = outcome(format, text.as_bytes(), piece);
                assert_eq!(found, (0, vec![(2, Reason::Page)]), "{format:?} {start}");
            }
        }
    }
    // Also in the encoding of an old page.
    let text = [b"<html><title>Se\xf1or</title>", LINES.as_bytes()].concat();
    assert_eq!(outcome(None, &text, 7), (0, vec![(1, Reason::Page)]));
}

#[test]
fn page_after_a_list_gives_no_items() {
    for start in ["<!DOCTYPE html>", "<html>", "<Head>", "<body>", "<?xml ?>"] {
        let text = format!("good.example\n{start}{LINES}");
        let found = outcome(Some(Format::Domains), text.as_bytes(), 7);
        assert_eq!(found, (1, vec![(2, Reason::Page)]), "{start}");
    }
    // Another line in such brackets does not end a list.
    let text = "good.example\n<none>\nother.example\n";
    let found = outcome(None, text.as_bytes(), 7);
    assert_eq!(found, (2, vec![(2, Reason::OneLabel)]));
}
