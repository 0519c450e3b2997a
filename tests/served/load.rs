//! The programs under a load of queries by dnsperf.

use super::Served;

/// The report of dnsperf.
struct Load(String);

impl Load {
    /// The number behind a heading, as in `Queries sent: 2000`, or a code, as in `NOERROR 1000 (50.00%)`; 0: none.
    fn number(&self, heading: &str) -> u64 {
        let after = self.0.split_once(heading).map_or("0", |(_, after)| after);
        let word = after.split_whitespace().next().unwrap();
        word.parse().unwrap_or_else(|_| panic!("{heading} {word}"))
    }
}

impl Served {
    /// The report of dnsperf about `each_second` of these questions for two seconds. A question is lost if its answer
    /// takes longer than `patience` seconds.
    fn load(&self, questions: &str, each_second: u32, patience: u32) -> Load {
        self.site.folder.write("questions", questions);
        let file = self.site.folder.file("questions");
        let line = format!(
            "dnsperf -s 192.0.2.53 -d {} -l 2 -Q {each_second} -q 10000 -t {patience} -O suppress=timeout",
            file.display()
        );
        let said = self.site.client.attempt(&line);
        assert!(said.status.success(), "{said:?}");
        Load(String::from_utf8(said.stdout).unwrap())
    }
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
        let load = served.load(questions, 1000, 30);
        let sent = load.number("Queries sent:");
        assert!((100..=2000).contains(&sent), "{name}: {}", load.0);
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
fn load_over_the_limit_is_answered_up_to_the_limit() {
    let served = Served::new();
    let daemon = served.filtered(
        "limit",
        "entry 192.0.2.0/24 rate=200 burst=300\n\
         counter over 192.0.2.0/24 dropped \"Over.\"\n\
         counter within 192.0.2.0/24 passed \"Within.\"\n",
    );
    let started = std::time::Instant::now();
    let load = served.load("www.example A\n", 2000, 5);
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
