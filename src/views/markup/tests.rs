mod banner;
mod section;

use super::*;
use crate::kernel::xdp_mode::Mode;
use crate::log::recent::LINES;
use crate::views::readings::Growth;
use crate::views::totals::VerdictTotals;

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
        mode: Some(Mode::Generic),
        reason: Some(REASON),
        reattached: 3,
    }
}

const PROGRAM: ProgramFacts<'static> = ProgramFacts {
    object: "acl<>",
    program: "xdp_prog",
    id: 4_294_967_295,
};

/// Totals with most digits of a verdict, and their growth in 2 s.
const MOST: VerdictTotals = VerdictTotals {
    verdict: "aborted",
    packets: u64::MAX,
    bytes: u64::MAX,
};
const GROWTH: Growth = Growth {
    packets: u64::MAX,
    bytes: u64::MAX,
    milliseconds: 2000,
};

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

fn write_metrics(text: &mut Text<'_>, count: usize) -> fmt::Result {
    (0..count).try_for_each(|number| {
        let help = format!("Packets dropped from 2001:db8:{number}::/48, \"quoted\".");
        let name = format!("coredns_ebpf_acl_{number}_dropped");
        metric(text, &help, &name, u64::MAX)
    })
}

/// A page with `filters` filters, each with `metrics` metrics, and a full log of `message`.
fn page(filters: usize, metrics: usize, message: &str) -> String {
    let names: Vec<String> = (0..filters)
        .map(|number| format!("eth<{number}>"))
        .collect();
    written(|text| {
        let attached = names.iter().map(|name| (name.as_str(), true));
        begin(text, "<host>", &attached)?;
        begin_banners(text)?;
        // A page shows only the state of the last reload.
        reload_unconfirmed(text, Utc(3), "rolled back; <restore>")?;
        unserved(text, "control", "/run/a<b>", "No such file or directory")?;
        end_banners(text)?;
        begin_filters(text, Some(2499))?;
        for name in &names {
            begin_filter(text, &facts_of(name), std::iter::empty::<&str>())?;
            begin_program(text, &PROGRAM)?;
            begin_verdicts(text, name)?;
            verdict(text, &MOST, None)?;
            verdict(text, &MOST, Some(GROWTH))?;
            end_table(text)?;
            begin_part(text)?;
            if metrics > 0 {
                begin_metrics(text, name)?;
                write_metrics(text, metrics)?;
                end_table(text)?;
            }
            end_part(text)?;
            begin_part(text)?;
            begin_zeros(text, name, 3)?;
            for unseen in ["tx", "redirect", "aborted"] {
                zero_verdict(text, unseen)?;
            }
            end_zeros(text)?;
            end_part(text)?;
            map(text, "xdp_map", Fill::Entries(1024), 1024, 0)?;
            end_program(text)?;
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
fn page_is_below_24_kilobytes() {
    let message = "map xdp_map: key=00000000 value=0200000000000000C0000242FFFFFFFF00000000000000000000000000000000000000000000000000000000000000000200000000000000";
    // One filter with the metrics of `ordered` or `count`, or four filters; the longest numbers and a full log.
    for (filters, metrics) in [(1, 3), (1, 16), (4, 3)] {
        let length = page(filters, metrics, message).len();
        assert!(length < 24_000, "{filters} filters: {length} bytes");
    }
}

#[test]
fn title_names_the_host_and_the_state() {
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
        let page = written(|text| begin(text, "<box>", &filters.iter().copied()));
        for part in [
            expected,
            &format!("<title>&lt;box&gt;: {title} - corexdp</title>"),
            "<h1>&lt;box&gt; <small>corexdp</small></h1>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
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
    assert!(begin(&mut text, "a", &[("a", true)].into_iter()).is_err());
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
