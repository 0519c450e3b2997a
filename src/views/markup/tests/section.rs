//! Tests of a filter's section.

use super::*;
use crate::base::rate::Rate;
use crate::config::{MAX_INTERFACE, page_size};
use crate::views::reloads::MAX_ERROR;

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
        ..facts_of("a")
    };
    for (facts, present, absent) in [
        (&native, "attached</strong> in native mode", "refused"),
        (&native, "native mode</p>", "attached again"),
        (&native, "<p class=\"warning\">no header</p>", "refused"),
        (&detached, "NOT attached</strong>", "mode"),
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
        let content = written(|text| map(text, "m<>", fill, capacity, 0));
        assert!(content.contains(present), "{present}: {content}");
        assert!(!content.contains(absent), "{absent}: {content}");
        assert!(content.contains("m&lt;&gt;"), "{content}");
    }
    for (decisions, end) in [(1, ", 1 decision</p>\n"), (2, ", 2 decisions</p>\n")] {
        let content = written(|text| map(text, "m", Fill::Unread, 16, decisions));
        assert!(content.ends_with(end), "{content}");
    }
}

#[test]
fn program_has_the_name_of_its_object() {
    let content = written(|text| begin_program(text, &PROGRAM));
    let expected = "<div data-id=\"4294967295\"><h3>acl&lt;&gt; <small>program xdp_prog, id 4294967295</small></h3>\n";
    assert_eq!(content, expected);
}

#[test]
fn rates_of_verdicts_precede_totals() {
    let pass = VerdictTotals {
        verdict: "pass",
        packets: 2,
        bytes: 128,
    };
    let growth = Growth {
        packets: 4000,
        bytes: 240_000,
        milliseconds: 2000,
    };
    let none = VerdictTotals {
        packets: 0,
        bytes: 0,
        ..MOST
    };
    for (total, growth, expected) in [
        (
            &pass,
            None,
            "<tr><th>pass</th><td>-</td><td>-</td><td>2</td><td>128</td></tr>\n",
        ),
        (
            &pass,
            Some(growth),
            "<tr><th>pass</th><td>2<i>000</i></td><td>960k</td><td>2</td><td>128</td></tr>\n",
        ),
        (&none, None, "<tr><th>aborted</th><td>-"),
        (&MOST, None, "<tr><th class=\"error\">aborted</th><td>-"),
    ] {
        let row = written(|text| verdict(text, total, growth));
        assert!(row.starts_with(expected), "{row}");
    }
}

#[test]
fn rows_at_zero_are_folded() {
    for (count, summary) in [(1, "1 row at zero"), (12, "12 rows at zero")] {
        let content = written(|text| begin_zeros(text, "a<b>", count));
        let expected = format!(
            "<details><summary>{summary}</summary><table aria-label=\"Zeros of a&lt;b&gt;\"><tbody>\n"
        );
        assert_eq!(content, expected);
    }
}

/// Names and messages in which each byte has an escape, and numbers with most digits.
#[test]
fn longest_html_is_within_its_bounds() {
    let quotes = |count| "\"".repeat(count);
    let nothing = page(0, 0, &quotes(240));
    let reload = written(|text| {
        pending(text, u64::MAX, Some(&quotes(page_size::MAX_PATH)))?;
        reload_failed(text, Utc(u64::MAX), &quotes(MAX_ERROR))
    });
    let nothing = nothing + &reload + &quotes(6 * 64);
    assert!(nothing.len() <= page_size::DAEMON, "{}", nothing.len());
    let (interface, reason, help) = (quotes(MAX_INTERFACE), quotes(160), quotes(1000));
    let (program, name) = (quotes(15), "x".repeat(100));
    let object = quotes(100);
    let facts = FilterFacts {
        interface: &interface,
        mode: Some(Mode::Generic),
        reason: Some(&reason),
        reattached: u64::MAX,
    };
    let program = ProgramFacts {
        object: &object,
        program: &program,
        ..PROGRAM
    };
    let head = written(|text| {
        write!(text, "{}, ", Html(&interface))?;
        aborts(
            text,
            (&interface, &object),
            u64::MAX,
            Some(Rate::new(u64::MAX, 1)),
        )?;
        begin_filter(text, &facts, ["w".repeat(200), "w".repeat(200)].iter())?;
        begin_program(text, &program)?;
        begin_verdicts(text, &interface)?;
        for _ in 0..5 {
            verdict(text, &MOST, Some(GROWTH))?;
        }
        begin_part(text)?;
        begin_metrics(text, &interface)?;
        end_table(text)?;
        end_part(text)?;
        begin_part(text)?;
        begin_zeros(text, &interface, usize::MAX)?;
        end_zeros(text)?;
        end_part(text)?;
        end_program(text)?;
        end_filter(text)
    });
    // Instead of the reason against native mode.
    let detached = written(|text| unattached(text, &interface, Some(&reason)));
    assert!(detached.len() <= 2048, "{detached}");
    assert!(
        head.len() <= page_size::of_filter(&interface, &object),
        "{head}"
    );
    let map_name = quotes(100);
    let fill = Fill::Entries(u64::MAX);
    let of_map = written(|text| map(text, &map_name, fill, u32::MAX, usize::MAX));
    assert!(
        of_map.len() <= page_size::of_map("", "", &map_name),
        "{of_map}"
    );
    for name in [name.as_str(), "coredns_ebpf_x"] {
        let of_metric = written(|text| metric(text, &help, name, u64::MAX));
        let bound = page_size::of_metric(name, &help);
        assert!(of_metric.len() <= bound, "{of_metric}");
    }
}
