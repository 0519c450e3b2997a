//! A resolver on the router, whose clients are in the LAN and whose upstream servers are in the WAN.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Carried, Kind, Traffic};
use crate::router::{LAN, ROUTER_LAN, Router, WAN, ask};
use crate::servers::Servers;

/// Different names, which the resolver has not cached.
const NAMES: u32 = 500;

/// Queries of one second.
pub struct Resolver {
    name: &'static str,
    each_second: u32,
    kind: Kind,
    interfaces: &'static [&'static str],
    #[expect(dead_code, reason = "held while the traffic is used")]
    servers: Arc<Servers>,
}

impl Resolver {
    /// Answers of the upstream servers.
    pub fn upstream(router: &Router, servers: &Arc<Servers>) -> Self {
        let questions = (0..NAMES).fold(String::new(), |mut text, number| {
            writeln!(text, "n{number}.example A").unwrap();
            text
        });
        router.folder.write("questions", &questions);
        Self {
            name: "resolver, 500 queries/s",
            each_second: 500,
            kind: Kind::Reply,
            interfaces: &[WAN],
            servers: Arc::clone(servers),
        }
    }

    /// Queries of the clients: those of a household, since the filter in the LAN limits them.
    pub fn clients(servers: &Arc<Servers>) -> Self {
        Self {
            name: "clients of the resolver, 50/s",
            each_second: 50,
            kind: Kind::Query,
            interfaces: &[LAN],
            servers: Arc::clone(servers),
        }
    }
}

impl Traffic for Resolver {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn interfaces(&self) -> &'static [&'static str] {
        self.interfaces
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let [server, _] = ROUTER_LAN;
        let (file, each_second) = (router.folder.file("questions"), self.each_second);
        let said = ask(
            &router.lan,
            &format!(
                "dnsperf -s {server} -d {} -l 1 -Q {each_second} -q 1000 -t 20 -O suppress=timeout",
                file.display()
            ),
        )?;
        let sent = number(&said, "Queries sent:")?;
        Ok(Carried {
            sent,
            lost: sent - number(&said, "NOERROR")?.min(sent),
            rate: None,
        })
    }
}

/// The number behind a heading of dnsperf's report, as in `Queries sent: 500` or `NOERROR 500 (100.00%)`.
fn number(report: &str, heading: &str) -> Result<u64, String> {
    let after = report.split_once(heading).map(|(_, after)| after);
    let word = after.and_then(|after| after.split_whitespace().next());
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| format!("no {heading}: {report}"))
}
