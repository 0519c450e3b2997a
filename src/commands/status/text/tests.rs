//! Tests of the status as text.

use super::*;
use crate::commands::status::wrap::WIDTH;

/// Lines of the smallest terminal.
const SCREEN: usize = 24;

const STATUS: &str = r#"{"version":"0.1.0","pid":12,"started":1764064557,"corefile":"Corefile","reloads":{"success":1,"failure":2,"unconfirmed":3},
"last_reload":{"time":1764064600,"result":"failure","error":"Corefile:6: map: wrong\nCorefile:7: if: wrong"},"confirm_within":42,"period_ms":2050,
"pages":["http://127.0.0.1:9153/"],"listeners":[
{"service":"page","address":"127.0.0.1:9153","up":true,"url":"http://127.0.0.1:9153/","error":null},
{"service":"health","address":":8080","up":false,"url":null,"error":"Address already in use"}],"filters":[
{"interface":"eth0","attached":true,"mode":"generic","reason":"too\u001blarge","exit":"detach","reattached":0,
"object":"acl","warnings":["the interface has\u001bno Ethernet header"],
"verdicts":[{"verdict":"pass","packets":70,"bytes":8400,"period_packets":41,"period_bytes":4920},
{"verdict":"drop","packets":0,"bytes":0,"period_packets":0,"period_bytes":0},
{"verdict":"tx","packets":0,"bytes":0,"period_packets":0,"period_bytes":0},
{"verdict":"aborted","packets":5,"bytes":600,"period_packets":5,"period_bytes":600}],
"program":{"name":"xdp_prog","id":7,"tag":"00","loaded_at":1764064558,"runs":null,"run_time_ns":null},
"maps":[{"name":"xdp_map","type":"hash","entries":3,"capacity":16,"decisions":2}],
"metrics":[{"name":"coredns_ebpf_a","type":"gauge","value":-5,"help":"A."}]},
{"interface":"wan","attached":false,"mode":null,"reason":"the interface has gone","exit":"hold","object":"dns","reattached":11,
"program":{"name":"other","id":1234,"tag":"00","loaded_at":1764064559,"runs":18446744073709551615,"run_time_ns":5},
"maps":[{"name":"xdp_map","type":"array","entries":null,"capacity":128,"decisions":0}],"metrics":[]}]}"#;

const TEXT: &str = "\
corexdp 0.1.0, process 12, since 2025-11-25T09:55:57Z
Corefile: Corefile
page: http://127.0.0.1:9153/
health: NOT served at :8080: Address already in use
reloads: 1 done, 2 failed, 3 not confirmed; the last at 2025-11-25T09:56:40Z:
  failure
  Corefile:6: map: wrong
  Corefile:7: if: wrong
not confirmed: run `corexdp confirm` within 42 s, or the old state is restored
eth0: acl aborts: 5 packets, now 2.4/s; the program fails for such packets,
  and the kernel drops them; restore the object or Corefile that worked, then
  run `corexdp reload`
wan: not attached: the interface has gone

interface  state         mode     exit    object
eth0       attached      generic  detach  acl
wan        not attached  -        hold    dns

interface  object  verdict  packets/s  bit/s  packets  bytes
eth0       acl     pass            20  19.2k       70  8.40k
eth0       acl     drop             0      0        0      0
eth0       acl     aborted        2.4  2.34k        5    600
rates: mean of the last 2.0 s
eth0: not native: too\\u{1b}large
eth0: the interface has\\u{1b}no Ethernet header
wan: verdicts are not counted; the log says why

interface  program     id  loaded                reattached
                    runs  run time ns
eth0       xdp_prog     7  2025-11-25T09:55:58Z           0
                       -            -
wan        other     1234  2025-11-25T09:55:59Z          11
    18446744073709551615            5

interface  map      type   entries  capacity  decisions
eth0       xdp_map  hash         3        16          2
wan        xdp_map  array        -       128          0

interface  metric          value  help
eth0       coredns_ebpf_a     -5  A.
";

#[test]
fn text_shows_the_whole_status() {
    let status = Value::read(STATUS).unwrap();
    assert_eq!(text(&status, Style::Plain), TEXT);
}

#[test]
fn measured_rates_replace_the_rates_of_the_daemon() {
    let measured = r#"],"measured":{"milliseconds":5000,"filters":[{"interface":"wan","runs":10,"run_time_ns":70,"runs_per_second":2,"ns_per_run":7},
{"interface":"eth0","verdicts":[{"verdict":"pass","packets_per_second":14,"bytes_per_second":1680}]}]}}"#;
    let status = STATUS.strip_suffix("]}").unwrap().to_owned() + measured;
    let text = text(&Value::read(&status).unwrap(), Style::Plain);
    for (line, end) in [
        ("interface  program ", "  runs/s  ns/run"),
        ("eth0       xdp_prog", "         0       -       -"),
        ("wan        other", "        11       2       7"),
        (
            "interface  object  verdict",
            "  packets/s  bit/s  packets  bytes",
        ),
        ("eth0       acl     pass ", "   14  13.4k       70  8.40k"),
        ("eth0       acl     aborted ", "  -      -        5    600"),
        ("rates: ", "mean of the last 5.0 s"),
    ] {
        let line = text.lines().find(|row| row.starts_with(line)).unwrap();
        assert!(line.ends_with(end), "{line}");
    }
}

/// The status with other members, each named by its text in [`STATUS`].
fn changed(changes: &[(&str, &str)]) -> String {
    let mut status = STATUS.to_owned();
    for (from, to) in changes {
        assert!(status.contains(from), "{from}");
        status = status.replace(from, to);
    }
    text(&Value::read(&status).unwrap(), Style::Plain)
}

#[test]
fn rates_need_an_earlier_reading() {
    let text = changed(&[("\"period_ms\":2050", "\"period_ms\":null")]);
    for part in [
        "eth0       acl     pass     -          -           70  8.40k\n",
        "\nrates: none yet; run `corexdp status` again, or with --measure 1s\n",
        "eth0: acl aborts: 5 packets; the program fails",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn file_on_trial_is_named() {
    let shown = changed(&[(
        r#""confirm_within":42"#,
        r#""confirm_within":42,"trial":"/etc/\u001bnew""#,
    )]);
    let line = "not confirmed: /etc/\\u{1b}new is on trial: run `corexdp confirm` within 42";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn running_fallback_is_named() {
    let shown = changed(&[(
        r#""confirm_within":42"#,
        r#""confirm_within":42,"fallback":"/etc/\u001bold""#,
    )]);
    let line = "Corefile: Corefile\nthe fallback /etc/\\u{1b}old runs: the Corefile was refused; ";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn program_that_no_longer_aborts_is_no_alarm() {
    let text = changed(&[("\"period_packets\":5,", "\"period_packets\":0,")]);
    let line = "\neth0: acl aborted 5 packets, but none lately\n";
    assert!(text.contains(line), "{text}");
}

/// The status of one filter with a dozen metrics, with this state of the daemon and of the filter.
fn one_filter(daemon: &str, filter: &str) -> String {
    let metrics: Vec<_> = (0..12)
        .map(|number| {
            format!(
                r#"{{"name":"coredns_ebpf_dns_answers_of_kind_{number}_total","type":"counter","value":18446744073709551615,"help":"Queries that the program has answered with a truncated response, of kind {number}."}}"#
            )
        })
        .collect();
    let total = |verdict: &str| {
        format!(
            r#"{{"verdict":"{verdict}","packets":1844674407370,"bytes":1844674407370955,"period_packets":100000000,"period_bytes":10000000000}}"#
        )
    };
    let verdicts = ["pass", "drop", "tx", "redirect", "aborted"].map(total);
    format!(
        r#"{{"version":"0.1.0","pid":4194304,"started":1764064557,"corefile":"/etc/corexdp/Corefile","reloads":{{"success":1,"failure":2,"unconfirmed":0}},
"period_ms":2000,"pages":["http://127.0.0.1:9153/"],"listeners":[],{daemon},"filters":[
{{"interface":"enp193s0f0np0","exit":"detach","reattached":0,"object":"dns",{filter},"verdicts":[{}],
"program":{{"name":"xdp_prog","id":123456,"tag":"00","loaded_at":1764064558,"runs":18446744073709551615,"run_time_ns":18446744073709551615}},
"maps":[{{"name":"xdp_map","type":"percpu_array","entries":3,"capacity":16}}],"metrics":[{}]}}]}}"#,
        verdicts.join(","),
        metrics.join(",")
    )
}

#[test]
fn status_fits_a_terminal() {
    let calm = r#""last_reload":null,"confirm_within":null"#;
    let attached = r#""attached":true,"mode":"native","reason":null,"warnings":[]"#;
    let error = "Corefile:17: entry: enum acl_action takes ACL_UNLISTED, ACL_PASS or ACL_DROP\\n"
        .repeat(13);
    let refused = format!(
        r#""last_reload":{{"time":1764064600,"result":"failure","error":"{error}"}},"confirm_within":42"#
    );
    let reason = "another program (id 4711, xdp_dispatcher) is attached to the interface in native mode; detach that program, or use mode generic";
    let detached = format!(r#""attached":false,"mode":null,"reason":"{reason}","warnings":[]"#);
    let warned = format!(
        r#""attached":true,"mode":"generic","reason":"{reason}","warnings":["{reason}","{reason}"]"#
    );
    for (daemon, filter, parts) in [
        (calm, attached, &["  attached  native", "  aborted  "][..]),
        (
            &refused,
            attached,
            &[
                "failed; the last at",
                "Corefile:17",
                "(the rest: ",
                "not confirmed: run",
            ],
        ),
        (
            calm,
            &detached,
            &[
                "not attached: another program",
                "  not attached  ",
                "  aborted  ",
            ],
        ),
        (
            &refused,
            &detached,
            &["not attached: another", "not confirmed: run"],
        ),
        (
            &refused,
            &warned,
            &["  attached  generic", "not confirmed: run", "  aborted  "],
        ),
    ] {
        let status = Value::read(&one_filter(daemon, filter)).unwrap();
        let text = text(&status, Style::Plain);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}: {text}");
        }
        let first: Vec<_> = text.lines().take(SCREEN).collect();
        let first = first.join("\n");
        let always = [
            "dns aborts: ",
            "then run",
            "  object  verdict",
            "  pass ",
            "  drop ",
            "  40.0G  ",
        ];
        for part in always.iter().chain(parts) {
            assert!(first.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn colours_do_not_change_the_text() {
    let status = Value::read(STATUS).unwrap();
    let coloured = text(&status, Style::Coloured);
    for part in [
        "\x1b[32mattached\x1b[0m ",
        "\x1b[1;31mnot attached\x1b[0m",
        "\x1b[33meth0: not native: ",
        "\x1b[33meth0: the interface has",
        "\x1b[1;31mwan: not attached: the interface has gone\x1b[0m",
        "\x1b[33mnot confirmed: ",
        "\x1b[33mhealth: NOT served",
        "\x1b[33mwan: verdicts are not counted",
        "\x1b[1;31maborted\x1b[0m ",
        "\x1b[1;31meth0: acl aborts",
        "\x1b[1;31m  Corefile:6: map: wrong\x1b[0m",
    ] {
        assert!(coloured.contains(part), "{part:?} in {coloured:?}");
    }
    let mut plain = coloured;
    for code in ["\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[0m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, TEXT);
}
