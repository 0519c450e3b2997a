//! kdig and dig take their cookies from one server, and present them to the filter and to every server.

use super::{ANSWER, COREFILE, KNOT_CONF, NAMED_CONF, ONLY_COOKIES, Stage, UNBOUND_CONF};

/// Words by which a client neither repeats its query nor retries over TCP: the filter counts every packet.
fn once(client: &str) -> &'static str {
    match client {
        "kdig" => "+ignore +retry=0 +nobadcookie +time=30",
        _ => "+ignore +tries=1 +nobadcookie +time=30",
    }
}

/// The cookie in the output of a client.
fn cookie(output: &str) -> &str {
    let (_, cookie) = output.split_once("COOKIE: ").expect(output);
    let cookie = cookie.split_whitespace().next().unwrap();
    assert_eq!(cookie.len(), 48, "{output}");
    cookie
}

/// Changes the last digit.
fn forged(cookie: &str) -> String {
    let (start, last) = cookie.split_at(47);
    let other = if last == "0" { "1" } else { "0" };
    format!("{start}{other}")
}

fn is_answered(output: &str, protocol: &str) {
    for part in [ANSWER, "status: NOERROR", protocol] {
        assert!(output.contains(part), "{part}: {output}");
    }
}

/// The response of the filter: TC=1 and no record.
fn is_truncated(output: &str) {
    let output = output.to_ascii_lowercase();
    for part in ["lags: qr tc rd;", "answer: 0"] {
        assert!(output.contains(part), "{part}: {output}");
    }
}

#[test]
fn cookie_of_one_server_is_valid_for_the_filter_and_every_server() {
    let stage = Stage::new();
    for (program, lines) in ONLY_COOKIES {
        let daemon = stage.filtered(program, lines);
        let mut counts = Counts::default();
        for client in ["kdig", "dig"] {
            for own in &stage.servers {
                for family in [0, 1] {
                    check(&stage, &mut counts, client, own[family], family);
                }
            }
        }
        daemon.stop();
    }
}

/// Counters of a filter.
#[derive(Default)]
struct Counts {
    truncated: u64,
    valid: u64,
    forged: u64,
}

impl Counts {
    fn reached(&self, stage: &Stage) {
        stage.becomes("truncated", self.truncated);
        stage.becomes("cookies_valid", self.valid);
        stage.becomes("cookies_forged", self.forged);
    }
}

/// Takes a cookie from one server, and presents it to every server.
fn check(stage: &Stage, counts: &mut Counts, client: &str, own: &str, family: usize) {
    let ask =
        |server: &str, words: &str| stage.ask(client, server, &format!("{} {words}", once(client)));
    is_truncated(&ask(own, "+nocookie"));
    // The client retries over TCP, and has a cookie.
    let output = stage.ask(client, own, "+cookie +time=30");
    is_answered(&output, "(TCP)");
    counts.truncated += 2;
    counts.reached(stage);
    let cookie = cookie(&output);
    for server in &stage.servers {
        let output = ask(server[family], &format!("+cookie={cookie}"));
        is_answered(&output, "(UDP)");
        counts.valid += 1;
        counts.reached(stage);
    }
    is_truncated(&ask(own, &format!("+cookie={}", forged(cookie))));
    counts.truncated += 1;
    counts.forged += 1;
    counts.reached(stage);
}

/// The tests of this folder try these lines.
#[test]
fn manual_shows_the_lines_of_every_server() {
    let manual = include_str!("../../../src/man/corexdp-programs.7");
    for lines in [COREFILE, KNOT_CONF, NAMED_CONF, UNBOUND_CONF] {
        assert!(manual.contains(lines), "{lines}");
    }
}
