//! The shipped programs, attached by the daemon, in front of a real DNS server (Knot) that a real client (kdig) queries
//! over UDP and TCP.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod load;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use support::net::{self, CLIENT, Daemon, SERVER, Site, pause};
use support::packets::frame;
use support::wait::{End, wait_for, wait_until};
use support::{repository, shipped_programs};

/// A query for www.example, type A: header and question.
const QUERY: &[u8] =
    b"\xbe\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01";

/// A DNS server at [`SERVER`], 192.0.2.53, and a client at [`CLIENT`], 192.0.2.10.
struct Served {
    knotd: Child,
    site: Site,
}

impl Served {
    fn new() -> Self {
        let site = Site::new();
        site.server
            .run(&format!("ip address add 192.0.2.53/24 dev {SERVER}"));
        site.client
            .run(&format!("ip address add 192.0.2.10/24 dev {CLIENT}"));
        // In native mode a veth interface receives XDP_TX frames only if it has an XDP program too.
        site.folder.fixture("pass");
        let object = site.folder.file("pass.o");
        site.client.run(&format!(
            "ip link set {CLIENT} xdp object {} section xdp",
            object.display()
        ));
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo");
        let place = site.folder.path().to_str().unwrap();
        let conf = fs::read_to_string(demo.join("knot.conf"))
            .unwrap()
            .replace("@DIR@", place);
        site.folder.write("knot.conf", &conf);
        fs::copy(demo.join("example.zone"), site.folder.file("example.zone")).unwrap();
        let mut command = Command::new("knotd");
        command.arg("-c").arg(site.folder.file("knot.conf"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let knotd = site.server.enter(|| command.spawn()).expect("knotd runs");
        let served = Self { knotd, site };
        wait_until("knotd answers", || {
            let output = served.ask("www.example A +retry=0 +time=1");
            if output.contains("198.51.100.80") {
                Ok(())
            } else {
                Err(output)
            }
        });
        served
    }

    /// Attaches a program whose `ebpf` block contains these lines.
    fn filtered(&self, name: &str, lines: &str) -> Daemon {
        self.site.folder.shipped(name);
        let block = format!("ebpf {{\nelf {name}.o\nif {SERVER}\nmode native\n{lines}}}\n");
        self.site
            .run(&format!(". {{\nprometheus\n{block}}}\n"))
            .attached(1)
    }

    /// The output of kdig for a query. The timeout is long unless the words shorten it, since the filter would count a
    /// repeated query again.
    fn ask(&self, words: &str) -> String {
        let line = format!("kdig @192.0.2.53 +time=30 {words}");
        String::from_utf8(self.site.client.attempt(&line).stdout).unwrap()
    }

    fn metric(&self, name: &str) -> u64 {
        let page = self.site.get("/metrics");
        page.metric(&format!("coredns_ebpf_{name}"))
            .unwrap()
            .parse()
            .unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let killed = self.knotd.kill().and_then(|()| self.knotd.wait());
        if !std::thread::panicking() {
            killed.unwrap();
        }
    }
}

#[test]
fn every_shipped_corefile_is_accepted_and_attached() {
    for name in shipped_programs() {
        let site = Site::new();
        site.folder.shipped(&name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("bpf/{name}.Corefile"));
        let corefile = fs::read_to_string(source)
            .unwrap()
            .replace("if eth0", &format!("if {SERVER}"));
        site.folder.write("Corefile", &corefile);
        let checked = site.folder.path().to_owned();
        net::finish(&mut net::Corexdp::command(&checked, &["check"])).expect(0, &[]);
        let daemon = site.run(&corefile).attached(1);
        assert_eq!(site.filter().mode, net::NATIVE, "{name}");
        let page = site.get("/metrics").body;
        assert_eq!(
            page.matches("# HELP coredns_ebpf_").count(),
            ["counter", "gauge", "metric"]
                .map(|option| corefile.matches(&format!("\n    {option} ")).count())
                .iter()
                .sum::<usize>(),
            "{name}: {page}"
        );
        daemon.stop();
    }
}

#[test]
fn every_program_has_a_corefile_and_a_test() {
    let programs = shipped_programs();
    assert!(!programs.is_empty());
    for name in programs {
        for file in [
            format!("bpf/{name}.Corefile"),
            format!("tests/bpf/{name}.rs"),
        ] {
            assert!(repository().join(&file).is_file(), "{file} is missing");
        }
    }
}

#[test]
fn client_over_the_rate_is_answered_over_tcp() {
    let served = Served::new();
    let daemon = served.filtered(
        "dns",
        "entry @settings 0 rate=1 burst=2\ncounter cut @totals 0 truncated \"Cut.\"\n",
    );
    let ask = |protocol: &str| {
        let answer = served.ask("www.example A");
        assert!(
            answer.contains("198.51.100.80") && answer.contains("NOERROR"),
            "{answer}"
        );
        assert!(answer.contains(protocol), "{answer}");
    };
    ask("(UDP)");
    // Other queries of the client take each token that the bucket gains, however long kdig takes.
    let query = frame::ip4("192.0.2.10").datagram(53, QUERY).bytes;
    let (sender, over) = (served.site.sender(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let end = End(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                sender.send(&query, 1);
                pause(2);
            }
        });
        wait_until("the bucket is empty", || {
            (served.metric("cut") > 0).then_some(())
        });
        ask("(TCP)");
        // The truncated response itself, with and without EDNS.
        for words in ["www.example A +ignore", "www.example A +ignore +noedns"] {
            let cut = served.ask(words);
            assert!(
                cut.contains("Flags: qr tc rd;") && cut.contains("ANSWER: 0"),
                "{cut}"
            );
        }
        drop(end);
    });
    assert!(served.metric("cut") >= 3);
    daemon.stop();
}

#[test]
fn any_is_answered_over_tcp_and_malformed_queries_are_dropped() {
    let served = Served::new();
    let daemon = served.filtered(
        "dns",
        "entry 255 action=DNS_TRUNCATE\nentry 16 action=DNS_REFUSE\ncounter bad @totals 0 malformed \"Malformed.\"\n",
    );
    // `+ignore` keeps kdig from retrying over TCP.
    let cut = served.ask("www.example ANY +ignore");
    assert!(cut.contains("Flags: qr tc rd;"), "{cut}");
    let any = served.ask("www.example ANY");
    assert!(
        any.contains("198.51.100.80") && any.contains("(TCP)"),
        "{any}"
    );
    assert!(served.ask("www.example TXT").contains("REFUSED"));
    assert!(served.ask("www.example A").contains("(UDP)"));
    let mut bad = QUERY.to_vec();
    bad[2] = 0x81;
    let frame = frame::ip4("203.0.113.1").datagram(53, &bad).bytes;
    served.site.sender().send(&frame, 100);
    served.site.metric_becomes("coredns_ebpf_bad", 100);
    daemon.stop();
}

#[test]
fn blocked_names_are_answered_by_the_program() {
    let served = Served::new();
    let daemon = served.filtered(
        "qname",
        "entry ads.example action=QNAME_REFUSE\nentry gone.example action=QNAME_NXDOMAIN\n\
         entry flood.example action=QNAME_DROP\ncounter ads ads.example packets \"Ads.\"\n",
    );
    for (words, answer) in [
        ("www.example A", "198.51.100.80"),
        ("wWw.Ads.eXample A", "REFUSED"),
        ("ads.example AAAA +noedns", "REFUSED"),
        ("badads.example A", "NXDOMAIN"),
        ("gone.example A +dnssec +cookie", "NXDOMAIN"),
        ("www.example A +tcp", "198.51.100.80"),
    ] {
        let output = served.ask(words);
        assert!(output.contains(answer), "{words}: {output}");
    }
    let dropped = served.ask("flood.example A +retry=0 +time=1");
    assert!(!dropped.contains("HEADER"), "{dropped}");
    assert_eq!(served.metric("ads"), 2);
    daemon.stop();
}

#[test]
fn flood_is_dropped_and_others_are_served() {
    let served = Served::new();
    let daemon = served.filtered(
        "guard",
        "entry @settings 0 truncate=true\nentry 198.51.100.0/24 action=ACL_DROP\nentry @limits 203.0.113.0/24 rate=100 burst=50\n\
         counter denied @totals 0 denied \"Denied.\"\ncounter cut @totals 0 truncated \"Cut.\"\n\
         counter passed @limits 203.0.113.0/24 passed \"Passed.\"\n",
    );
    let sender = served.site.sender();
    let from = |source| frame::ip4(source).datagram(53, QUERY).bytes;
    sender.send(&from("198.51.100.9"), 1000);
    served.site.metric_becomes("coredns_ebpf_denied", 1000);
    let started = std::time::Instant::now();
    sender.send(&from("203.0.113.9"), 20_000);
    wait_for("the number of packets of the flood", &20_000, || {
        served.metric("passed") + served.metric("cut")
    });
    let most = 50 + 100 * (started.elapsed().as_secs() + 1);
    let passed = served.metric("passed");
    assert!((50..=most).contains(&passed), "{passed} of at most {most}");
    let answer = served.ask("www.example A");
    assert!(
        answer.contains("198.51.100.80") && answer.contains("(UDP)"),
        "{answer}"
    );
    daemon.stop();
}

/// Primary and secondary servers synchronise zones by NOTIFY and UPDATE. The server judges such messages, whatever the
/// program checks.
#[test]
fn notify_and_update_reach_the_server() {
    let served = Served::new();
    served.site.folder.write(
        "update",
        "server 192.0.2.53\nzone example.\nadd new.example. 60 A 192.0.2.1\nsend\n",
    );
    let update = format!(
        "knsupdate -t 30 {}",
        served.site.folder.file("update").display()
    );
    for name in ["dns", "guard"] {
        let lines = "counter others @totals 0 other_opcode \"Others.\"\ncounter bad @totals 0 malformed \"Malformed.\"\n";
        let daemon = served.filtered(name, lines);
        let notify = served.ask("-t NOTIFY=1 example");
        assert!(notify.contains("opcode: NOTIFY"), "{notify}");
        let output = served.site.client.attempt(&update);
        let output = format!("{output:?}");
        assert!(
            output.contains("NOTAUTH") || output.contains("REFUSED"),
            "{output}"
        );
        assert!(served.metric("others") >= 2);
        assert_eq!(served.metric("bad"), 0);
        daemon.stop();
    }
}
