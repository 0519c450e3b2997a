//! Tests of a filter's section.

use super::*;
use crate::config::{MAX_INTERFACE, page_size};
use crate::views::verdicts::VerdictTotals;

#[test]
fn section_shows_attach_mode_and_program() {
    let native = FilterFacts {
        mode: Some(Mode::Native),
        reason: None,
        reattached: 0,
        ..facts_of("a")
    };
    let detached = FilterFacts {
        mode: None,
        reason: None,
        obstacle: Some("<gone>"),
        ..facts_of("a")
    };
    for (facts, present, absent) in [
        (&native, "attached</strong> in native mode", "refused"),
        (&native, "program xdp_prog, id 4294967295", "attached again"),
        (&native, "<p class=\"warning\">no header</p>", "refused"),
        (&detached, "NOT attached</strong>: &lt;gone&gt;", "mode"),
        (&facts_of("a"), "attached</strong> in generic mode", "NOT"),
        (&facts_of("a"), "attached again 3 times", "NOT"),
        (
            &facts_of("a"),
            "native mode was refused: the driver cannot: &quot;LRO&quot; &amp; &lt;MTU&gt; of 9000 bytes",
            "<MTU>",
        ),
    ] {
        let content = written(|text| begin_filter(text, facts, ["no header"].into_iter()));
        assert!(content.contains(present), "{present}: {content}");
        assert!(!content.contains(absent), "{absent}: {content}");
    }
}

#[test]
fn map_shows_its_fill_level() {
    for (fill, capacity, present, absent) in [
        (Fill::Array, 16, "an array of 16 entries", "<meter"),
        (Fill::Unread, 16, "unread", "<meter"),
        (Fill::Entries(0), 16, "0 of 16 entries <meter", "full"),
        (
            Fill::Entries(15),
            16,
            "high=\"14\" optimum=\"0\" value=\"15\"",
            "full",
        ),
        (
            Fill::Entries(16),
            16,
            "16 of 16 entries <strong class=\"warning\">full</strong>",
            "unread",
        ),
    ] {
        let content = written(|text| map(text, "m<>", fill, capacity));
        assert!(content.contains(present), "{present}: {content}");
        assert!(!content.contains(absent), "{absent}: {content}");
        assert!(content.contains("m&lt;&gt;"), "{content}");
    }
}

/// The row with the most bytes.
const ABORTED: VerdictTotals = VerdictTotals {
    verdict: "aborted",
    packets: u64::MAX,
    bytes: u64::MAX,
};

#[test]
fn unusual_verdicts_without_packets_are_left_out() {
    let none = VerdictTotals {
        packets: 0,
        ..ABORTED
    };
    let pass = VerdictTotals {
        verdict: "pass",
        packets: 2,
        bytes: 128,
    };
    let drop = VerdictTotals {
        verdict: "drop",
        packets: 0,
        bytes: 0,
    };
    let content = written(|text| verdicts(text, "a<b>", Some(&[pass, drop, none, none, none])));
    for part in [
        "aria-label=\"Verdicts of a&lt;b&gt;\"",
        "<tr><th scope=\"row\">pass, packets</th><td>2</td></tr>\n<tr><th scope=\"row\">pass, bytes</th><td>128</td></tr>\n<tr><th scope=\"row\">drop, packets</th><td>0</td></tr>",
    ] {
        assert!(content.contains(part), "{part}: {content}");
    }
    assert!(!content.contains("aborted"), "{content}");
    let content = written(|text| verdicts(text, "a", Some(&[ABORTED; 5])));
    assert!(
        content.contains(" class=\"error\">aborted, packets"),
        "{content}"
    );
    let content = written(|text| verdicts(text, "a", None));
    assert_eq!(content, "<p>Verdicts are not counted</p>\n");
}

/// Names and messages in which each byte has an escape, and numbers with most digits.
#[test]
fn longest_html_is_within_its_bounds() {
    let quotes = |count| "\"".repeat(count);
    let nothing = page(0, 0, &quotes(240));
    assert!(nothing.len() <= page_size::DAEMON, "{}", nothing.len());
    let (interface, reason, help) = (quotes(MAX_INTERFACE), quotes(160), quotes(1000));
    let (program, name) = (quotes(15), "x".repeat(100));
    let facts = FilterFacts {
        interface: &interface,
        program: &program,
        mode: None,
        reason: Some(&reason),
        obstacle: Some(&reason),
        reattached: u64::MAX,
        ..facts_of("")
    };
    let totals = [ABORTED; 5];
    let head = written(|text| {
        write!(text, "{}, ", Html(&interface))?;
        begin_filter(text, &facts, ["w".repeat(200), "w".repeat(200)].iter())?;
        verdicts(text, &interface, Some(&totals))?;
        begin_metrics(text, &interface)?;
        end_metrics(text)?;
        end_filter(text)
    });
    assert!(head.len() <= page_size::of_filter(&interface, ""), "{head}");
    let map_name = quotes(100);
    let fill = Fill::Entries(u64::MAX);
    let of_map = written(|text| map(text, &map_name, fill, u32::MAX));
    assert!(of_map.len() <= page_size::of_map("", &map_name), "{of_map}");
    for name in [name.as_str(), "coredns_ebpf_x"] {
        let of_metric = written(|text| metric(text, &help, name, u64::MAX));
        let bound = page_size::of_metric(name, &help);
        assert!(of_metric.len() <= bound, "{of_metric}");
    }
}
