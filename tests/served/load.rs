//! The shipped programs under a load of queries from dnsperf.

use super::Served;
use support::wait::wait_until;

/// The report of dnsperf.
struct Load(String);

impl Load {
    /// The number after a heading, as in `Queries sent: 2000`, or after an RCODE, as in `NOERROR 1000 (50.00%)`; 0 if
    /// it is missing.
    fn number(&self, heading: &str) -> u64 {
        let after = self.0.split_once(heading).map_or("0", |(_, after)| after);
        let word = after.split_whitespace().next().unwrap();
        word.parse().unwrap_or_else(|_| panic!("{heading} {word}"))
    }
}

impl Served {
    /// Sends `each_second` queries per second for two seconds and returns the report of dnsperf. A query counts as lost
    /// if its response takes longer than `patience` seconds.
    fn load(&self, questions: &str, each_second: u32, patience: u32) -> Load {
        self.site.folder.write("questions", questions);
        let file = self.site.folder.file("questions");
        let line = format!(
            "dnsperf -s 192.0.2.53 -d {} -l 2 -Q {each_second} -q 10000 -t {patience} -O suppress=timeout",
            file.display()
        );
        let output = self.site.client.attempt(&line);
        assert!(output.status.success(), "{output:?}");
        Load(String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
fn load_within_the_limits_is_answered_completely() {
    let served = Served::new();
    let questions = "www.example A\nns.ads.example AAAA\n";
    for (name, lines, refused) in [
        (
            "acl",
            "entry 198.51.100.0/24 action=ACL_DROP\nentry 192.0.2.66 action=ACL_DROP\n",
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
        // Full queues of a busy machine lose packets before and after the filter.
        let load = wait_until(&format!("{name} loses no query"), || {
            let load = served.load(questions, 1000, 5);
            let lost = load.number("Queries lost:");
            if lost == 0 { Ok(load) } else { Err(load.0) }
        });
        let sent = load.number("Queries sent:");
        assert!((100..=2000).contains(&sent), "{name}: {}", load.0);
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
    // Full queues of a busy machine lose packets before and after the filter, and then the numbers differ.
    wait_until(
        "each query is counted and each passed query answered",
        || {
            let counts = || [served.metric("within"), served.metric("over")];
            let [within, over] = counts();
            let started = std::time::Instant::now();
            let load = served.load("www.example A\n", 2000, 5);
            let most = 300 + 200 * (started.elapsed().as_secs() + 1);
            let [passed, dropped] = counts();
            let (passed, dropped) = (passed - within, dropped - over);
            assert!((300..=most).contains(&passed), "{most}: {}", load.0);
            let answered = load.number("Queries completed:");
            if (passed, passed + dropped) == (answered, load.number("Queries sent:")) {
                Ok(())
            } else {
                Err((passed, dropped, load.0))
            }
        },
    );
    daemon.stop();
}
