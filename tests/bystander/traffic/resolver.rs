//! A resolver on the router, whose clients are in the LAN and whose upstream servers are in the WAN.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Carried, Kind, Traffic};
use crate::router::{LAN, ROUTER_LAN, Router, WAN, ask};
use crate::servers::Servers;

/// Number of different names to query. The resolver caches none of them.
const NAMES: u32 = 500;

/// Queries to the resolver for one second.
pub struct Resolver {
    name: &'static str,
    each_second: u32,
    kind: Kind,
    interfaces: &'static [&'static str],
    #[expect(dead_code, reason = "held while the traffic is used")]
    servers: Arc<Servers>,
}

impl Resolver {
    /// Responses of the upstream servers.
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

    /// Queries of the clients, at the rate of a household: the filter at the LAN limits queries.
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
        let output = ask(
            &router.lan,
            &format!(
                "dnsperf -s {server} -d {} -l 1 -Q {each_second} -q 1000 -t 20 -O suppress=timeout",
                file.display()
            ),
        )?;
        let sent = number(&output, "Queries sent:")?;
        Ok(Carried {
            sent,
            lost: sent - number(&output, "NOERROR")?.min(sent),
            rate: None,
        })
    }
}

/// The number after a heading of dnsperf's report, as in `Queries sent: 500` or `NOERROR 500 (100.00%)`.
fn number(report: &str, heading: &str) -> Result<u64, String> {
    let after = report.split_once(heading).map(|(_, after)| after);
    let word = after.and_then(|after| after.split_whitespace().next());
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| format!("no {heading}: {report}"))
}
