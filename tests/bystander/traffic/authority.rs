//! An authoritative server on the router: queries over TCP, and DDNS, NOTIFY and zone transfers in both directions with a
//! server on a host. A resolver on the router: DNS over TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use support::net::Namespace;

use super::{Carried, Kind, Traffic, poll_until};
use crate::router::{ROUTER_WAN, Router, ask};
use crate::servers::{RECORDS, Servers, host};

/// Zone changes between the server on the router and a server on a host: each is the primary of one zone.
pub struct Changes {
    /// The interface of the router that leads to the host.
    port: &'static str,
    interfaces: [&'static str; 1],
    count: AtomicU32,
    #[expect(dead_code, reason = "held while the traffic is used")]
    servers: Arc<Servers>,
}

impl Changes {
    pub fn new(port: &'static str, servers: &Arc<Servers>) -> Self {
        Self {
            port,
            interfaces: [port],
            count: AtomicU32::new(0),
            servers: Arc::clone(servers),
        }
    }

    /// Adds a record to `zone` of the primary `server` by DDNS. Waits until the secondary `copy`, with its namespace and
    /// address, has the record after a NOTIFY and a transfer.
    fn change(
        &self,
        router: &Router,
        zone: &str,
        server: &str,
        copy: (&Namespace, &str),
    ) -> Result<(), String> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let name = format!("new{number}.{zone}");
        let file = format!("update-{zone}");
        router.folder.write(
            &file,
            &format!("server {server}\nzone {zone}\nadd {name} 60 A 198.51.100.80\nsend\n"),
        );
        let file = router.folder.file(&file);
        let (peer, _) = host(router, self.port);
        ask(peer, &format!("knsupdate -t 20 {}", file.display()))?;
        poll_until(&format!("{name} is at {}", copy.1), || {
            let output = ask(copy.0, &format!("kdig @{} {name} A", copy.1))?;
            Ok(output.contains("198.51.100.80"))
        })
    }
}

impl Traffic for Changes {
    fn name(&self) -> &'static str {
        "DDNS, NOTIFY, IXFR and AXFR"
    }

    fn kind(&self) -> Kind {
        Kind::Query
    }

    fn interfaces(&self) -> &[&'static str] {
        &self.interfaces
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let (peer, address) = host(router, self.port);
        let [own, _] = ROUTER_WAN;
        let (port, out) = (self.port, format!("out-{}.example", self.port));
        self.change(router, &out, own, (peer, address))?;
        self.change(
            router,
            &format!("in-{port}.example"),
            address,
            (&router.router, own),
        )?;
        let mut records = 0;
        for server in ROUTER_WAN {
            let output = ask(peer, &format!("kdig @{server} +time=20 {out} AXFR"))?;
            records += output.lines().filter(|line| line.contains("\tA\t")).count();
        }
        let sent = 2 * RECORDS;
        Ok(Carried {
            sent: 2 + sent as u64,
            lost: sent.saturating_sub(records) as u64,
            rate: None,
        })
    }
}

/// Queries to a server on the router, each over its own connection.
pub struct Queries {
    name: &'static str,
    kind: Kind,
    /// Options and name for kdig.
    arguments: &'static str,
    port: &'static str,
    interfaces: [&'static str; 1],
    #[expect(dead_code, reason = "held while the traffic is used")]
    servers: Arc<Servers>,
}

impl Queries {
    pub fn over_tcp(port: &'static str, servers: &Arc<Servers>) -> Self {
        Self {
            name: "DNS over TCP",
            kind: Kind::Query,
            arguments: "+tcp r0.out-wan0.example",
            port,
            interfaces: [port],
            servers: Arc::clone(servers),
        }
    }

    pub fn over_tls(port: &'static str, servers: &Arc<Servers>) -> Self {
        Self {
            name: "DNS over TLS",
            kind: Kind::Other,
            arguments: "+tls tls.example",
            ..Self::over_tcp(port, servers)
        }
    }
}

impl Traffic for Queries {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn interfaces(&self) -> &[&'static str] {
        &self.interfaces
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        const EACH: usize = 5;
        let (peer, _) = host(router, self.port);
        let mut answers = 0;
        for server in ROUTER_WAN {
            let questions = format!(" {} A", self.arguments).repeat(EACH);
            let output = ask(peer, &format!("kdig @{server} +time=20{questions}"))?;
            answers += output.matches("\tA\t198.51.100.").count();
        }
        let sent = 2 * EACH as u64;
        Ok(Carried {
            sent,
            lost: sent - (answers as u64).min(sent),
            rate: None,
        })
    }
}
