mod section;

use super::*;
use crate::kernel::xdp_mode::Mode;
use crate::log::recent::LINES;
use crate::views::verdicts::{Totals, VerdictTotals};

/// Text written by `write`.
fn written(write: impl FnOnce(&mut Text<'_>) -> fmt::Result) -> String {
    let mut bytes = vec![0; 64 << 10];
    let mut text = Text::new(&mut bytes);
    write(&mut text).unwrap();
    let length = text.len();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

const REASON: &str = "the driver cannot: \"LRO\" & <MTU> of 9000 bytes";

fn facts_of(interface: &str) -> FilterFacts<'_> {
    FilterFacts {
        interface,
        program: "xdp_prog",
        id: 4_294_967_295,
        mode: Some(Mode::Generic),
        reason: Some(REASON),
        obstacle: None,
        reattached: 3,
    }
}

/// Totals of a filter that has dropped and passed packets.
fn totals() -> Totals {
    ["pass", "drop", "tx", "redirect", "aborted"].map(|verdict| {
        let seen = ["pass", "drop"].contains(&verdict);
        let number = if seen { u64::MAX } else { 0 };
        VerdictTotals {
            verdict,
            packets: number,
            bytes: number,
        }
    })
}

fn facts() -> DaemonFacts {
    DaemonFacts {
        since: Utc(0),
        read: Utc(1),
        successes: 3,
        failures: 4,
        unconfirmed: 6,
        read_errors: 5,
    }
}

fn logged(level: Level, message: &str) -> Message {
    Message {
        at: Utc(1_800_000_000),
        level,
        text: message.parse().unwrap(),
    }
}

/// A page with `filters` filters, each with `metrics` metrics, and a full log of `message`.
fn page(filters: usize, metrics: usize, message: &str) -> String {
    let names: Vec<String> = (0..filters)
        .map(|number| format!("eth<{number}>"))
        .collect();
    written(|text| {
        begin(text, &names.iter().map(|name| (name.as_str(), true)))?;
        // A page shows only the state of the last reload.
        reload_unconfirmed(text, Utc(3))?;
        unserved(text, "control", "/run/a<b>", "No such file or directory")?;
        for name in &names {
            begin_filter(text, &facts_of(name), std::iter::empty::<&str>())?;
            verdicts(text, name, Some(&totals()))?;
            if metrics > 0 {
                begin_metrics(text, name)?;
            }
            for number in 0..metrics {
                let help = format!("Packets dropped from 2001:db8:{number}::/48, \"quoted\".");
                metric(
                    text,
                    &help,
                    &format!("coredns_ebpf_acl_{number}_dropped"),
                    u64::MAX,
                )?;
            }
            if metrics > 0 {
                end_metrics(text)?;
            }
            map(text, "xdp_map", Fill::Entries(1024), 1024)?;
            end_filter(text)?;
        }
        begin_log(text)?;
        for level in [Level::Info, Level::Warning, Level::Error]
            .iter()
            .cycle()
            .take(LINES)
        {
            line(text, &logged(*level, message))?;
        }
        end(text, &facts())
    })
}

/// Text of a page without its tags, white space normalized. Fails on a tag that is not closed or closes a tag other than
/// the innermost, and on an attribute without quotes.
fn read(page: &str) -> String {
    let mut open = Vec::new();
    let mut content = String::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "{text}");
        content.push_str(text);
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "before {after:.80}");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap();
        let quotes = tag.matches('"').count();
        assert_eq!(quotes, 2 * tag.matches("=\"").count(), "<{tag}>");
        if !tag.ends_with('/') {
            open.push(name.to_owned());
        }
        // Raw text elements end at their own end tag (HTML, section 13.1.2.2).
        if ["style", "script"].contains(&name) {
            let (_, after) = rest.split_once(&format!("</{name}>")).unwrap();
            open.pop();
            rest = after;
        }
    }
    assert_eq!(open, [""; 0]);
    assert_eq!(rest, "\n");
    content.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_tag_is_closed() {
    for (filters, metrics) in [(0, 0), (1, 0), (1, 1), (4, 3)] {
        let content = read(&page(filters, metrics, "a <b> & \"c\""));
        assert!(
            content.contains("a &lt;b&gt; &amp; &quot;c&quot;"),
            "{content}"
        );
    }
}

#[test]
fn unserved_address_is_shown_with_its_reason() {
    let content = read(&page(1, 0, ""));
    let expected = "control at /run/a&lt;b&gt; is NOT served: No such file or directory";
    assert!(content.contains(expected), "{content}");
}

#[test]
fn state_of_the_last_reload_is_shown_at_the_top() {
    let page = page(1, 0, "");
    let (top, _) = page.split_once("<section").unwrap();
    let rolled_back = written(|text| reload_unconfirmed(text, Utc(3)));
    assert!(top.contains(&rolled_back), "{top}");
    for (banner, words) in [
        (
            written(|text| pending(text, 42)),
            "not confirmed: run <code>corexdp confirm</code> within 42 s, or the old state is restored</p>",
        ),
        (
            written(|text| reload_failed(text, Utc(2))),
            "the last reload failed, at <time>1970-01-01T00:00:02Z</time>; ",
        ),
        (
            rolled_back,
            "the last reload was not confirmed and rolled back, at <time>1970-01-01T00:00:03Z</time>; ",
        ),
    ] {
        let expected = format!("<p class=\"warning\">{words}");
        assert!(banner.starts_with(&expected), "{banner}");
    }
    assert!(page.contains("3 done, 4 failed, 6 not confirmed"), "{page}");
}

#[test]
fn page_is_below_18_kilobytes() {
    let message = "map xdp_map: key=00000000 value=0200000000000000C0000242FFFFFFFF00000000000000000000000000000000000000000000000000000000000000000200000000000000";
    // One filter with the metrics of `ordered` or `count`, or four filters; the longest numbers and a full log.
    for (filters, metrics) in [(1, 3), (1, 16), (4, 3)] {
        let length = page(filters, metrics, message).len();
        assert!(length < 18_000, "{filters} filters: {length} bytes");
    }
}

#[test]
fn title_and_state_name_unfiltered_interfaces() {
    for (filters, title, expected) in [
        (
            &[][..],
            "NOT filtering",
            "class=\"state off\"><strong>NOT filtering</strong>: the Corefile has no <code>ebpf</code> block</p>",
        ),
        (
            &[("a", true)],
            "Filtering",
            "class=\"state on\"><strong>Filtering</strong> a</p>",
        ),
        (
            &[("a", true), ("b", true)],
            "Filtering",
            "class=\"state on\"><strong>Filtering</strong> a, b</p>",
        ),
        (
            &[("a", false)],
            "NOT filtering",
            "class=\"state off\"><strong>NOT filtering</strong> a</p>",
        ),
        (
            &[("a", true), ("<b>", false), ("c", true)],
            "NOT filtering",
            "class=\"state off\"><strong>NOT filtering</strong> &lt;b&gt; <small>filtered: a, c</small></p>",
        ),
    ] {
        let page = written(|text| begin(text, &filters.iter().copied()));
        assert!(page.contains(expected), "{expected}: {page}");
        assert!(
            page.contains(&format!("<title>{title} - corexdp</title>")),
            "{page}"
        );
    }
}

#[test]
fn read_errors_and_log_levels_are_shown_in_words() {
    let healthy = DaemonFacts {
        read_errors: 0,
        ..facts()
    };
    for (facts, present) in [(&facts(), true), (&healthy, false)] {
        let content = written(|text| end(text, facts));
        assert_eq!(content.contains("Values unread"), present, "{content}");
    }
    for (level, expected) in [
        (
            Level::Info,
            "<li><time>2027-01-15T08:00:00Z</time> x</li>\n",
        ),
        (
            Level::Warning,
            "<li class=\"warning\"><time>2027-01-15T08:00:00Z</time> <b>warning</b> x</li>\n",
        ),
        (
            Level::Error,
            "<li class=\"error\"><time>2027-01-15T08:00:00Z</time> <b>error</b> x</li>\n",
        ),
    ] {
        assert_eq!(written(|text| line(text, &logged(level, "x"))), expected);
    }
}

#[test]
fn page_that_does_not_fit_is_an_error() {
    let mut bytes = [0; 100];
    let mut text = Text::new(&mut bytes);
    assert!(begin(&mut text, &[("a", true)].into_iter()).is_err());
}

#[test]
fn policy_allows_only_own_style_script_and_page() {
    let mut sources: Vec<&str> = POLICY.split("; ").collect();
    sources.retain(|source| !source.contains("-src 'sha256-"));
    assert_eq!(
        sources,
        [
            "default-src 'none'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    );
    assert!(!POLICY.contains("unsafe"), "{POLICY}");
}

#[test]
fn markup_and_control_characters_are_escaped() {
    let shown = Html("<a\u{202e}\u{9b}\u{7f}\u{1b}\té").to_string();
    assert_eq!(shown, "&lt;a\\u{202e}\\u{9b}\\u{7f}\\u{1b}\té");
}
