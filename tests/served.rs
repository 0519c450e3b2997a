//! The shipped programs at work: attached by the daemon as their Corefiles say, in front of a real DNS server (Knot)
//! that a real client (kdig) asks, over UDP and TCP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

// Its own tests use the rest of it.
#[allow(dead_code, unreachable_pub)]
#[path = "packets/frame.rs"]
mod frame;
mod net;
mod objects;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use net::{CLIENT, Daemon, PATIENCE, SERVER, Site, within};

/// Every program that `bpf/` has.
const PROGRAMS: [&str; 7] = ["acl", "count", "dns", "guard", "limit", "ordered", "qname"];

/// A query for www.example, type A: header, question.
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
        // What XDP sends back arrives at a veth interface that has an XDP program of its own.
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
        within(PATIENCE, "knotd answers", || {
            served
                .ask("www.example A +retry=0 +time=1")
                .contains("198.51.100.80")
                .then_some(())
        });
        served
    }

    /// Attaches a program with these lines in its `ebpf` block.
    fn filtered(&self, name: &str, lines: &str) -> Daemon {
        self.site.folder.shipped(name);
        let block = format!("ebpf {{\nelf {name}.o\nif {SERVER}\nmode native\n{lines}}}\n");
        self.site
            .run(&format!(". {{\nprometheus\n{block}}}\n"))
            .attached(1)
    }

    /// What kdig says of a question.
    fn ask(&self, words: &str) -> String {
        let line = format!("kdig @192.0.2.53 {words}");
        String::from_utf8(self.site.client.attempt(&line).stdout).unwrap()
    }

    /// What dnsperf says of so many of these questions in each second, for two seconds; what is not answered within
    /// `patience`, in seconds, is lost.
    fn load(&self, questions: &str, each_second: u32, patience: u32) -> Load {
        self.site.folder.write("questions", questions);
        let file = self.site.folder.file("questions");
        let line = format!(
            "dnsperf -s 192.0.2.53 -d {} -l 2 -Q {each_second} -t {patience} -O suppress=timeout",
            file.display()
        );
        let said = self.site.client.attempt(&line);
        assert!(said.status.success(), "{said:?}");
        Load(String::from_utf8(said.stdout).unwrap())
    }

    fn metric(&self, name: &str) -> u64 {
        let page = self.site.get("/metrics");
        page.metric(&format!("coredns_ebpf_{name}"))
            .unwrap()
            .parse()
            .unwrap()
    }
}

/// What dnsperf said.
struct Load(String);

impl Load {
    /// The number behind a heading, as in `Queries sent: 2000`, or a code, as in `NOERROR 1000 (50.00%)`; 0: none.
    fn number(&self, heading: &str) -> u64 {
        let after = self.0.split_once(heading).map_or("0", |(_, after)| after);
        let word = after.split_whitespace().next().unwrap();
        word.parse().unwrap_or_else(|_| panic!("{heading} {word}"))
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
fn every_shipped_corefile_is_good_and_attaches() {
    for name in PROGRAMS {
        let site = Site::new();
        site.folder.shipped(name);
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
            corefile.matches("\n    counter ").count() + corefile.matches("\n    metric ").count(),
            "{name}: {page}"
        );
        daemon.stop();
    }
}

#[test]
fn no_program_is_without_a_corefile_and_this_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf");
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".bpf.c")?.to_owned()))
        .collect();
    found.sort();
    assert_eq!(found, PROGRAMS);
}

#[test]
fn a_client_over_the_rate_gets_its_answer_over_tcp() {
    let served = Served::new();
    let daemon = served.filtered(
        "dns",
        "entry @settings 0 rate=1 burst=2\ncounter cut @totals 0 truncated \"Cut.\"\n",
    );
    let answers: Vec<String> = (0..4).map(|_| served.ask("www.example A")).collect();
    for answer in &answers {
        assert!(
            answer.contains("198.51.100.80") && answer.contains("NOERROR"),
            "{answer}"
        );
    }
    assert!(answers[0].contains("(UDP)"), "{}", answers[0]);
    assert!(answers[3].contains("(TCP)"), "{}", answers[3]);
    // The truncated answer itself, with EDNS and without.
    for words in ["www.example A +ignore", "www.example A +ignore +noedns"] {
        let cut = served.ask(words);
        assert!(
            cut.contains("Flags: qr tc rd;") && cut.contains("ANSWER: 0"),
            "{cut}"
        );
    }
    assert!(served.metric("cut") >= 3);
    daemon.stop();
}

#[test]
fn any_is_answered_over_tcp_alone_and_what_is_malformed_not_at_all() {
    let served = Served::new();
    let daemon = served.filtered(
        "dns",
        "entry 255 action=DNS_TRUNCATE\nentry 16 action=DNS_REFUSE\ncounter bad @totals 0 malformed \"Malformed.\"\n",
    );
    // Only where it is told not to, kdig does not turn to TCP by itself.
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
fn blocked_names_are_answered_for_the_server() {
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
        let said = served.ask(words);
        assert!(said.contains(answer), "{words}: {said}");
    }
    let dropped = served.ask("flood.example A +retry=0 +time=1");
    assert!(!dropped.contains("HEADER"), "{dropped}");
    assert_eq!(served.metric("ads"), 2);
    daemon.stop();
}

#[test]
fn a_flood_is_dropped_and_others_are_served() {
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
    within(PATIENCE, "the flood has arrived", || {
        (served.metric("passed") + served.metric("cut") == 20_000).then_some(())
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

#[test]
fn a_load_of_good_queries_is_answered_in_full() {
    let served = Served::new();
    let questions = "www.example A\nns.ads.example AAAA\n";
    for (name, lines, refused) in [
        (
            "acl",
            "entry 198.51.100.0/24 action=ACL_DROP\nentry @hosts 192.0.2.66 action=ACL_DROP\n",
            false,
        ),
        ("limit", "entry 0.0.0.0/0 source_rate=3000\n", false),
        (
            "dns",
            "entry @settings 0 rate=3000\nentry 255 action=DNS_DROP\n",
            false,
        ),
        ("qname", "entry ads.example action=QNAME_REFUSE\n", true),
        ("guard", "entry @limits 0.0.0.0/0 source_rate=3000\n", false),
    ] {
        let daemon = served.filtered(name, lines);
        let load = served.load(questions, 1000, 5);
        let sent = load.number("Queries sent:");
        assert!((500..=2000).contains(&sent), "{name}: {}", load.0);
        assert_eq!(
            load.number("Queries completed:"),
            sent,
            "{name}: {}",
            load.0
        );
        let blocked = if refused { "REFUSED" } else { "NXDOMAIN" };
        assert!(
            load.number(blocked).abs_diff(sent / 2) <= 1,
            "{name}: {}",
            load.0
        );
        assert!(
            load.number("NOERROR").abs_diff(sent / 2) <= 1,
            "{name}: {}",
            load.0
        );
        daemon.stop();
    }
}

#[test]
fn of_a_load_over_the_limit_so_much_is_answered() {
    let served = Served::new();
    let daemon = served.filtered(
        "limit",
        "entry 192.0.2.0/24 rate=200 burst=300\n\
         counter over 192.0.2.0/24 dropped \"Over.\"\n\
         counter within 192.0.2.0/24 passed \"Within.\"\n",
    );
    let started = std::time::Instant::now();
    let load = served.load("www.example A\n", 2000, 1);
    let most = 300 + 200 * (started.elapsed().as_secs() + 1);
    let answered = load.number("Queries completed:");
    assert!((300..=most).contains(&answered), "{most}: {}", load.0);
    assert_eq!(served.metric("within"), answered, "{}", load.0);
    assert_eq!(
        served.metric("over"),
        load.number("Queries sent:") - answered,
        "{}",
        load.0
    );
    daemon.stop();
}
