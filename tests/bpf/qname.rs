//! `qname`: blocks queries for listed names and all names below them.

use super::random;
use support::packets::answer::answer;
use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::kernel::Ran;
use support::packets::message::{Asked, Message, query};
use support::packets::model::Facts;
use support::packets::sandbox::{DROP, PASS, TX};

const LIST: [&str; 11] = [
    "ads.example action=QNAME_REFUSE",
    "good.ads.example action=QNAME_PASS",
    "gone.example action=QNAME_NXDOMAIN",
    "flood.example action=QNAME_DROP",
    "only.example action=QNAME_DROP exact=true",
    "top action=QNAME_DROP",
    "z.ads.example action=QNAME_DROP",
    "empty.example action=QNAME_NODATA",
    "tcp.example action=QNAME_TRUNCATE",
    "wild.example action=QNAME_DROP exact=NAME_BELOW",
    "old.wild.example action=QNAME_PASS exact=NAME_EXACT",
];

fn ask(name: &str) -> Vec<u8> {
    ip4("10.0.0.1").datagram(53, &query(name, 1).bytes).bytes
}

fn total(filter: &Filter, name: &str) -> u64 {
    filter.number(&format!("@totals 0 {name}"))
}

/// RCODE of a response.
fn rcode(ran: &Ran) -> u8 {
    ran.frame[45] & 15
}

#[test]
fn longest_listed_suffix_decides() {
    let filter = Filter::load("qname", &LIST);
    let long = "a-label-of-thirty-two-characters";
    for (name, verdict) in [
        ("ads.example", TX),
        ("www.ads.example", TX),
        ("WWW.Ads.eXAMPLE", TX),
        (&format!("{long}.{long}.{long}.{long}.ads.example"), TX),
        (&format!("{}ads.example", "a.".repeat(121)), TX),
        ("badads.example", PASS),
        ("ads.example.org", PASS),
        ("example", PASS),
        ("ads", PASS),
        ("", PASS),
        ("good.ads.example", PASS),
        ("very.good.ads.example", PASS),
        ("gone.example", TX),
        ("flood.example", DROP),
        ("x.flood.example", DROP),
        ("only.example", DROP),
        ("www.only.example", PASS),
        ("top", DROP),
        ("www.top", DROP),
        ("stop", PASS),
        ("topp", PASS),
        ("to", PASS),
        ("empty.example", TX),
        ("x.tcp.example", TX),
        ("wild.example", PASS),
        ("x.wild.example", DROP),
        ("old.wild.example", PASS),
        ("x.old.wild.example", DROP),
    ] {
        assert_eq!(filter.run(&ask(name)).verdict, verdict, "{name}");
    }
    assert_eq!(filter.number("ads.example packets"), 5);
    assert_eq!(filter.number("good.ads.example packets"), 2);
    assert_eq!(rcode(&filter.run(&ask("x.ads.example"))), 5);
    assert_eq!(rcode(&filter.run(&ask("x.gone.example"))), 3);
    let ran = filter.run(&ask("x.empty.example"));
    assert_eq!((rcode(&ran), ran.frame[44] & 2), (0, 0));
    let ran = filter.run(&ask("tcp.example"));
    assert_eq!((rcode(&ran), ran.frame[44] & 2), (0, 2));
    let sums = [
        "passed",
        "dropped",
        "refused",
        "nxdomain",
        "nodata",
        "truncated",
        "unread",
        "other",
    ];
    assert_eq!(
        sums.map(|name| total(&filter, name)),
        [13, 7, 6, 2, 2, 2, 0, 0]
    );
}

/// Labels with a dot or a zero byte, and with bytes next to letters or one bit off a letter.
#[test]
fn similar_names_do_not_match() {
    let filter = Filter::load("qname", &LIST);
    for labels in [
        &[&b"ads.example"[..]][..],
        &[b"x", b"ads.example"],
        &[b"top\0"],
        &[b"ads", b"example\0"],
        &[b"ads", b"example\0\0\0\0"],
        &[b"\0"],
        &[b"top\x80"],
        &[b"\xf4op"],
        &[b"\xd4op"],
        &[b"ads", b"exam\x10le"],
        &[b"ad\x13", b"example"],
    ] {
        let mut message = query("", 1);
        message.bytes.truncate(12);
        for label in labels {
            message.bytes.push(u8::try_from(label.len()).unwrap());
            message.bytes.extend(*label);
        }
        let frame = ip4("10.0.0.1").datagram(53, &message.followed_by(&[0, 0, 1, 0, 1]).bytes);
        assert_eq!(filter.run(&frame.bytes).verdict, PASS, "{labels:?}");
    }
    // All bytes of the longest name are compared.
    let label = "a-label-of-sixty-two-characters-".repeat(2);
    let longest = [
        &label[..62],
        &label[..61],
        &label[..60],
        &label[..59],
        "bcdefg",
    ]
    .join(".");
    assert_eq!(longest.len(), 252);
    filter.entry(&format!("{longest} action=QNAME_DROP"));
    assert_eq!(filter.run(&ask(&longest)).verdict, DROP);
    for at in [0, 63, 130, 251] {
        let mut other = longest.clone();
        other.replace_range(at..=at, "q");
        assert_eq!(filter.run(&ask(&other)).verdict, PASS, "{at}");
    }
    // Every letter, and the bytes next to letters.
    filter.entry("abcdefghijklmnopqrstuvwxyz-0189_ action=QNAME_DROP");
    assert_eq!(
        filter.run(&ask("ABCDEFGHIJKLMNOPQRSTUVWXYZ-0189_")).verdict,
        DROP
    );
    // An `entry` line accepts these bytes as hexadecimal digits only.
    filter.entry(&format!("0x{:0<512} action=QNAME_DROP", "607b405b"));
    assert_eq!(filter.run(&ask("`{@[")).verdict, DROP);
    assert_eq!(filter.run(&ask("@[`{")).verdict, PASS);
}

#[test]
fn entries_ignore_case_and_final_dot() {
    let list = [
        "WWW.Example action=QNAME_DROP",
        "ads.example. action=QNAME_DROP",
    ];
    let filter = Filter::load("qname", &list);
    for name in ["www.example", "wWw.eXAMPLE", "x.ads.example"] {
        assert_eq!(filter.run(&ask(name)).verdict, DROP, "{name}");
    }
    assert_eq!(filter.number("Ads.example. packets"), 1);
}

/// The scratch buffer still has bytes of longer names.
#[test]
fn previous_names_do_not_change_lookups() {
    let filter = Filter::load(
        "qname",
        &["example action=QNAME_DROP", "a action=QNAME_DROP"],
    );
    let long = "x.".repeat(126);
    for name in ["example", "a"] {
        assert_eq!(filter.run(&ask(&long)).verdict, PASS);
        assert_eq!(filter.run(&ask(name)).verdict, DROP, "{name}");
    }
}

#[test]
fn packets_without_a_valid_query_pass_unread() {
    let filter = Filter::load("qname", &["example action=QNAME_DROP"]);
    for frame in [
        ip4("10.0.0.1").datagram(53, &query("example", 1).with(2, 0x80).bytes),
        ip4("10.0.0.1")
            .fragment4(0x2000)
            .datagram(53, &query("example", 1).bytes),
        ip4("10.0.0.1").tcp(53),
        ip4("10.0.0.1").tcp(22),
        ip4("10.0.0.1").udp(67),
        Frame::raw(ETH_P_ARP, &[0; 28]),
    ] {
        assert_eq!(filter.verdict(&frame.bytes), PASS);
    }
    assert_eq!((total(&filter, "unread"), total(&filter, "other")), (2, 4));
    let filter = Filter::load(
        "qname",
        &["example action=QNAME_DROP", "@settings 0 port[0]=5353"],
    );
    assert_eq!(filter.verdict(&ask("example")), PASS);
    let other = ip4("10.0.0.1")
        .datagram(5353, &query("example", 1).bytes)
        .bytes;
    assert_eq!(filter.verdict(&other), DROP);
}

/// Servers answer some of these messages, so a flood of them must not pass. They get no response.
#[test]
fn question_decides_whatever_other_sections_have() {
    let lines = [
        "example action=QNAME_DROP",
        "refused.example action=QNAME_REFUSE",
    ];
    let filter = Filter::load("qname", &lines);
    let [blocked, refused, other] =
        ["a.example", "refused.example", "www.test"].map(|name| query(name, 1));
    let wrong = [
        |message: Message| message.with(7, 1),
        |message: Message| message.with(9, 1),
        |message: Message| message.with(11, 2),
        |message: Message| message.followed_by(&[0]),
        |message: Message| message.edns(1232, &[]).followed_by(&[0]),
    ];
    for wrong in wrong {
        for (message, verdict) in [(&blocked, DROP), (&refused, DROP), (&other, PASS)] {
            let message = wrong(message.clone());
            let frame = ip4("10.0.0.1").datagram(53, &message.bytes).bytes;
            assert_eq!(filter.verdict(&frame), verdict, "{:02x?}", message.bytes);
        }
    }
    assert_eq!(total(&filter, "dropped"), 10);
    assert_eq!(filter.run(&ask("refused.example")).verdict, TX);
}

#[test]
fn monitor_counts_but_drops_nothing() {
    let filter = Filter::load("qname", &LIST);
    filter.entry("@settings 0 monitor=true");
    for name in ["ads.example", "gone.example", "flood.example"] {
        assert_eq!(filter.verdict(&ask(name)), PASS);
    }
    let counted = ["refused", "nxdomain", "dropped", "passed"].map(|name| total(&filter, name));
    assert_eq!(counted, [1, 1, 1, 0]);
}

#[test]
fn qname_corefile_blocks_as_documented() {
    let filter = Filter::shipped("qname");
    for (name, verdict) in [
        ("www.ads.example", TX),
        ("good.ads.example", PASS),
        ("gone.example", TX),
        ("flood.example", DROP),
        ("www.example", PASS),
    ] {
        assert_eq!(filter.run(&ask(name)).verdict, verdict, "{name}");
    }
}

/// Verdict and frame of the model under [`LIST`]: looks up each suffix of the name, label by label.
fn expected_of(frame: &[u8]) -> Ran {
    let same = |verdict| Ran {
        verdict,
        frame: frame.to_vec(),
    };
    let facts = Facts::of(frame);
    if facts.as_ref().is_some_and(|facts| facts.hidden) {
        return same(DROP);
    }
    let facts = facts.filter(|facts| facts.protocol == UDP && facts.port() == 53);
    let Some(facts) = facts.filter(|facts| !facts.fragment) else {
        return same(PASS);
    };
    let Some(asked) = Asked::question_of(frame, &facts) else {
        return same(PASS);
    };
    let labels: Vec<Vec<u8>> = asked
        .labels
        .iter()
        .map(|label| label.to_ascii_lowercase())
        .collect();
    let listed = |line: &&str| {
        let name = line.split(' ').next().unwrap();
        let name: Vec<Vec<u8>> = name
            .split('.')
            .map(|label| label.as_bytes().to_vec())
            .collect();
        let is_below = labels.len() > name.len();
        let scope = line.split("exact=").nth(1);
        labels.ends_with(&name) && scope.is_none_or(|scope| is_below == (scope == "NAME_BELOW"))
    };
    let longest = LIST
        .iter()
        .filter(|line| listed(line))
        .max_by_key(|line| line.find(' '));
    let mut truncated = false;
    let rcode = match longest.map_or("QNAME_PASS", |line| line.split(['=', ' ']).nth(2).unwrap()) {
        "QNAME_PASS" => return same(PASS),
        "QNAME_DROP" => return same(DROP),
        "QNAME_REFUSE" => 5,
        "QNAME_NXDOMAIN" => 3,
        action => {
            truncated = action == "QNAME_TRUNCATE";
            0
        }
    };
    // A message that is not a valid query gets no response.
    let valid = Asked::of(frame, &facts).ok();
    let sent = valid.and_then(|asked| answer(frame, &facts, &asked, truncated, rcode));
    sent.map_or_else(|| same(DROP), |frame| Ran { verdict: TX, frame })
}

#[test]
fn verdicts_match_the_model() {
    let filter = Filter::load("qname", &LIST);
    random::compare(&filter, 0x9a3e, expected_of);
}
