//! Messages that `dns` and `guard` leave to the server: opcodes other than QUERY, and queries for a cookie alone.

use support::packets::filter::Filter;
use support::packets::frame::*;
use support::packets::message::{Message, query, wire};
use support::packets::sandbox::{DROP, PASS, TX};

use super::dns::{ask, for_cookie, good, total};

/// A message with these fields in its header, followed by `body`.
fn with_opcode(opcode: u8, flags: u8, counts: [u8; 4], body: &[u8]) -> Message {
    let [questions, answers, authorities, additional] = counts;
    let mut bytes = vec![0xbe, 0xef, flags | opcode << 3, 0];
    for count in [questions, answers, authorities, additional] {
        bytes.extend([0, count]);
    }
    bytes.extend(body);
    Message { bytes }
}

/// Messages as servers send them: `dns` and `guard` pass and count each by default.
#[test]
fn messages_with_other_opcodes_are_left_to_the_server() {
    let soa_question = [&wire("example")[..], &[0, 6, 0, 1]].concat();
    let soa = [
        &[0xc0, 0x0c, 0, 6, 0, 1, 0, 0, 14, 16, 0, 22, 0, 0][..],
        &[0; 20],
    ]
    .concat();
    let notify = [&soa_question[..], &soa].concat();
    let address = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
    let update = [&soa_question[..], &address, &address].concat();
    let tsig = [&update[..], &[0; 80]].concat();
    let messages = [
        with_opcode(1, 0, [0, 1, 0, 0], &address),
        with_opcode(2, 0, [0, 0, 0, 0], &[]),
        with_opcode(3, 0, [1, 0, 0, 0], &soa_question),
        with_opcode(4, 0x04, [1, 0, 0, 0], &soa_question),
        with_opcode(4, 0x04, [1, 1, 0, 0], &notify),
        with_opcode(4, 0x84, [1, 0, 0, 0], &soa_question),
        with_opcode(5, 0, [1, 0, 2, 0], &update),
        with_opcode(5, 0, [1, 1, 1, 1], &tsig),
        with_opcode(5, 0x80, [0, 0, 0, 0], &[]),
        with_opcode(6, 0, [0, 0, 0, 0], &[0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
        with_opcode(15, 0, [9, 9, 9, 9], &[0xff; 30]),
    ];
    for program in ["dns", "guard"] {
        let filter = Filter::load(program, &["@settings 0 monitor=false"]);
        let shipped = Filter::shipped(program);
        for (passed, message) in (1..).zip(&messages) {
            for packet in [ip4("192.0.2.9"), ip6("2001:db8::1")] {
                let frame = packet.datagram(53, &message.bytes).bytes;
                assert_eq!(filter.verdict(&frame), PASS, "{program}: {frame:02x?}");
                assert_eq!(shipped.verdict(&frame), PASS, "{program}: {frame:02x?}");
            }
            for counted in ["passed", "other_opcode"] {
                assert_eq!(total(&filter, counted), 2 * passed, "{program}: {counted}");
            }
        }
        assert_eq!(total(&filter, "malformed"), 0);
        let first = ip6("2001:db8::1").fragment6(0, true);
        let first = first.datagram(53, &messages[7].bytes).bytes;
        assert_eq!(filter.verdict(&first), PASS);
    }
}

#[test]
fn queries_for_a_cookie_alone_pass() {
    let message = for_cookie();
    for (program, counted) in [
        ("dns", "no_question"),
        ("guard", "passed"),
        ("qname", "unread"),
    ] {
        let filter = Filter::load(program, &[]);
        assert_eq!(filter.verdict(&ask(&message)), PASS, "{program}");
        assert_eq!(total(&filter, counted), 1, "{program}");
    }
}

/// The compliance tests of RFC 8906 section 8.
#[test]
fn compliance_tests_pass_and_are_counted() {
    let edns = || good().edns(1232, &[]);
    // The OPT record follows a question of 17 bytes: type, size, extended RCODE, version, flags.
    let opt = 12 + 17;
    let option = [0, 100, 0, 4, 1, 2, 3, 4];
    let probes = [
        ("an unknown type", query("www.example", 1000), "edns_none"),
        ("class CH", good().class(3), "class_ch"),
        ("an unknown class", good().class(9), "class_other"),
        ("no RD", good().with(2, 0), "edns_none"),
        ("AD and CD", good().with(3, 0x30), "edns_none"),
        ("the reserved flag", good().with(3, 0x40), "edns_none"),
        ("an RCODE", good().with(3, 0x0f), "edns_none"),
        ("AA and RA", good().with(2, 0x05).with(3, 0x80), "edns_none"),
        ("EDNS version 1", edns().with(opt + 6, 1), "edns_1232"),
        ("EDNS version 255", edns().with(opt + 6, 255), "edns_1232"),
        ("an extended RCODE", edns().with(opt + 5, 1), "edns_1232"),
        (
            "unknown EDNS flags",
            edns().with(opt + 8, 0x80),
            "edns_1232",
        ),
        ("an unknown option", good().edns(1232, &option), "edns_1232"),
        ("a size of 0", good().edns(0, &[]), "edns_512"),
        (
            "an unknown opcode",
            with_opcode(15, 0, [1, 0, 0, 0], &good().bytes[12..]),
            "other_opcode",
        ),
    ];
    for program in ["dns", "guard", "qname"] {
        for (name, message, counted) in &probes {
            let filter = Filter::load(program, &[]);
            assert_eq!(filter.verdict(&ask(message)), PASS, "{program}: {name}");
            let is_read = program != "qname" || *counted != "other_opcode";
            let passed = if is_read { "passed" } else { "unread" };
            assert_eq!(total(&filter, passed), 1, "{program}: {name}");
            if program == "dns" {
                assert_eq!(total(&filter, counted), 1, "{name}");
            }
        }
    }
}

/// Unparsed messages take tokens as queries do, but get no truncated response.
#[test]
fn unparsed_messages_have_the_limit_of_their_source() {
    let lines = ["@settings 0 rate=1 burst=3"];
    let (verdicts, totals) = Filter::before_a_token("dns", &lines, |filter| {
        let notify = with_opcode(
            4,
            0,
            [1, 0, 0, 0],
            &[&wire("example")[..], &[0, 6, 0, 1]].concat(),
        );
        let verdicts = [
            &notify,
            &for_cookie(),
            &notify,
            &notify,
            &for_cookie(),
            &good(),
        ]
        .map(|message| filter.run(&ask(message)).verdict);
        let names = ["passed", "dropped", "truncated", "limited", "malformed"];
        (verdicts, names.map(|name| total(filter, name)))
    });
    assert_eq!(verdicts, [PASS, PASS, PASS, DROP, DROP, TX]);
    assert_eq!(totals, [3, 2, 1, 3, 0]);
}

#[test]
fn only_configured_opcodes_pass() {
    let filter = Filter::load("dns", &["@settings 0 opcodes=0x10"]);
    assert_eq!(filter.verdict(&ask(&good().with(2, 0x20).with(7, 1))), PASS);
    assert_eq!(filter.verdict(&ask(&good().with(2, 0x28))), DROP);
    filter.entry("@settings 0 opcodes=1");
    assert_eq!(filter.verdict(&ask(&good().with(2, 0x20))), DROP);
    assert_eq!(filter.verdict(&ask(&good())), PASS);
    assert_eq!(total(&filter, "bad_opcode"), 2);
}
