//! The gate's framing: where a head ends, what of it reaches `tiny_http`, and where an answer ends.

use corexdp::http::gate::framing::{Collected, Collector, Extent, Request, admit, extent};

/// Headers that must not reach `tiny_http`.
const HIDDEN: [&str; 3] = ["content-length", "transfer-encoding", "te"];

/// Tries the bytes as a client's and as an answer's.
pub fn run(input: &[u8]) {
    let whole = Collector::new().look(input);
    assert_eq!(piecemeal(input), whole, "pieces are as good as the whole");
    if let Collected::Head(length) = whole {
        assert!(input[..length].ends_with(b"\r\n"));
        a_head(&input[..length]);
    }
    an_answer(input);
}

/// What comes of the bytes one by one.
fn piecemeal(input: &[u8]) -> Collected {
    let mut collector = Collector::new();
    let looks = (0..=input.len()).map(|length| collector.look(&input[..length]));
    let mut ends = looks.filter(|collected| *collected != Collected::Part);
    ends.next().unwrap_or(Collected::Part)
}

fn a_head(head: &[u8]) {
    let mut admitted = head.to_vec();
    if admit(&mut admitted).is_err() {
        return;
    }
    assert_eq!(admitted.len(), head.len());
    let text = String::from_utf8(admitted.clone()).expect("a head is text");
    for line in text.lines().skip(1) {
        let name = line.split(':').next().unwrap_or_default();
        // With a space before its colon it is no header, and tiny_http refuses the whole.
        let name = name.trim_start().to_ascii_lowercase();
        assert!(
            !line.contains(':') || !HIDDEN.contains(&name.as_str()),
            "{line}"
        );
    }
    // What is harmless stays as it is.
    let mut again = admitted.clone();
    assert!(admit(&mut again).is_ok());
    assert_eq!(again, admitted);
}

fn an_answer(start: &[u8]) {
    let head_only = Request {
        is_head: true,
        has_body: false,
    };
    if let Extent::Bytes(length) = extent(start, head_only) {
        assert!(start[..length].ends_with(b"\r\n\r\n"));
        match extent(start, Request::PLAIN) {
            Extent::Bytes(all) => assert!(all >= length),
            Extent::Rest => {}
            Extent::Unknown => panic!("the head is there"),
        }
    }
}
