//! A name table that changes under queries, as [`super`] tests it for networks. A model tells which queries every version
//! of the list drops or passes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::{CHANGES, LISTS, NETWORKS, SOURCES, setting, version, wait_for_round};
use support::net::Site;
use support::objects::random::Random;
use support::packets::{frame, message};
use support::wait::End;

/// A name without its last label, and whether it matches only itself.
type Name = (String, bool);

/// Labels, of which many names share some.
fn label(random: &mut Random, kinds: usize) -> String {
    let number = random.below(kinds);
    "abcdefghij".repeat(1 + number % 3) + &number.to_string()
}

/// Names of one to four labels, a tenth of them exact.
fn name(random: &mut Random) -> Name {
    let mut name = label(random, 30_000);
    for _ in 0..random.below(4) {
        name = format!("{}.{name}", label(random, 50));
    }
    (name, random.below(10) == 0)
}

/// The names that a version of the list drops, and the allowed ones; true for names that match only themselves.
struct Model<'a> {
    dropped: HashMap<&'a str, bool>,
    allowed: &'a [&'static str],
}

/// A name, and the names above it.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| Some(name.split_once('.')?.1))
}

impl<'a> Model<'a> {
    fn new(list: impl Iterator<Item = &'a Name>, allowed: &'a [&'static str]) -> Self {
        let mut dropped = HashMap::new();
        for (name, is_exact) in list {
            // Within a list, the first of two equal names counts.
            dropped.entry(name.as_str()).or_insert(*is_exact);
        }
        Self { dropped, allowed }
    }

    fn drops(&self, name: &str) -> bool {
        let is_allowed = suffixes(name).any(|suffix| self.allowed.contains(&suffix));
        let matches = |suffix: &str| {
            let exact = self.dropped.get(suffix);
            exact.is_some_and(|exact| suffix.len() == name.len() || !exact)
        };
        !is_allowed && suffixes(name).any(matches)
    }
}

/// The names that all versions treat alike.
struct Plan {
    pool: Vec<Name>,
    dropped: Vec<String>,
    passed: Vec<String>,
}

fn plan(names: usize, lists: usize, allowed: &[&'static str]) -> Plan {
    let mut random = Random(81);
    let mut pool: Vec<_> = (0..names).map(|_| name(&mut random)).collect();
    // Equal names in a list are merged, and a version may have one or the other.
    pool.sort();
    pool.dedup_by(|one, other| one.0 == other.0);
    let candidate = |_| {
        let (listed, _) = &pool[random.below(pool.len())];
        match random.below(4) {
            0 => listed.clone(),
            1 => format!("www.{listed}"),
            2 => format!("x{listed}"),
            _ => format!(
                "{}.{}",
                label(&mut random, 50),
                allowed[random.below(allowed.len())]
            ),
        }
    };
    let queries: Vec<_> = (0..4 * SOURCES).map(candidate).collect();
    let mut verdicts = vec![[true, true]; queries.len()];
    for number in 0..=lists {
        let model = Model::new(version(&pool, number), allowed);
        for (query, [dropped, passed]) in queries.iter().zip(&mut verdicts) {
            let drops = model.drops(query);
            *dropped &= drops;
            *passed &= !drops;
        }
    }
    let always = |verdict: usize| {
        let queries = queries.iter().zip(&verdicts);
        let always = queries.filter(move |(_, verdicts)| verdicts[verdict]);
        always
            .map(|(query, _)| query.clone())
            .take(SOURCES / 2)
            .collect::<Vec<_>>()
    };
    let (dropped, passed) = (always(0), always(1));
    Plan {
        pool,
        dropped,
        passed,
    }
}

/// A list of names that also match those below, and a hosts file, whose names match only themselves.
fn files<'a>(list: impl Iterator<Item = &'a Name>) -> [String; 2] {
    let [mut trees, mut exact] = [String::new(), String::new()];
    for (name, is_exact) in list {
        let _ = if *is_exact {
            writeln!(exact, "0.0.0.0 {name}.example")
        } else {
            writeln!(trees, "{name}.example")
        };
    }
    [trees, exact]
}

fn corefile(allowed: &[&str]) -> String {
    let mut lines = String::new();
    for name in allowed {
        let _ = writeln!(lines, "    entry {name}.example action=QNAME_PASS");
    }
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf qname.o\n{lines}    list trees as domains action=QNAME_DROP at-least 0
    list exact as hosts action=QNAME_DROP at-least 0
    counter dropped_total @totals 0 dropped \"Dropped.\"
    counter passed_total @totals 0 passed \"Passed.\"\n  }}\n}}\n"
    )
}

#[test]
fn no_query_meets_a_table_half_changed() {
    let (names, lists) = (
        setting("COREXDP_NETWORKS", NETWORKS),
        setting("COREXDP_LISTS", LISTS),
    );
    let changes = setting("COREXDP_CHANGES", CHANGES);
    let allowed = ["abcdefghij7", "abcdefghij3.abcdefghijabcdefghij1"];
    let plan = plan(names, lists, &allowed);
    let site = Site::new();
    site.folder.shipped("qname");
    let write = |number: usize| {
        let [trees, exact] = files(version(&plan.pool, number));
        site.folder.write("trees", &trees);
        site.folder.write("exact", &exact);
    };
    write(0);
    let daemon = site.run(&corefile(&allowed)).attached(1);
    let (done, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let end = End(&done);
        scope.spawn(|| send_all(&site, &plan, &done, &rounds));
        let mut random = Random(7);
        for number in 1..=lists {
            // Names of which no query is sent.
            let mut batch = String::new();
            for _ in 0..changes / 2 {
                let name = format!("{}.other", name(&mut random).0);
                let _ = writeln!(batch, "{name} action=QNAME_DROP for 1h\ndelete {name}");
            }
            let outcome = support::net::finish_with(&mut site.deciding(&["add", "-"]), &batch);
            outcome.expect(0, &[]);
            wait_for_round(&daemon, &rounds);
            write(number);
            site.ask(&["reload"]).expect(0, &[]);
        }
        drop(end);
    });
    let rounds = rounds.into_inner();
    let sent = [&plan.dropped, &plan.passed].map(|queries| queries.len() as u64 * rounds);
    assert!(sent.iter().all(|queries| *queries > 0));
    let decisions = lists * changes;
    let what = format!("{names} names, {lists} lists and {decisions} decisions");
    super::check_verdicts(&site, "qname", sent, &what);
    daemon.stop();
}

/// Sends a query for each name, again and again.
fn send_all(site: &Site, plan: &Plan, done: &AtomicBool, rounds: &AtomicU64) {
    let sender = site.sender();
    let names = plan.dropped.iter().chain(&plan.passed);
    let frames: Vec<_> = names
        .map(|name| {
            let query = message::query(&format!("{name}.example"), 1);
            frame::ip4("192.0.2.1").datagram(53, &query.bytes).bytes
        })
        .collect();
    while !done.load(Ordering::Relaxed) {
        for frame in &frames {
            sender.send(frame, 1);
        }
        rounds.fetch_add(1, Ordering::Relaxed);
    }
}
