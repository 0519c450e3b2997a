//! DNS responses in several IP fragments, to the router and to a host in the LAN.

use std::sync::Arc;

use super::{Carried, Kind, Traffic};
use crate::router::{Router, WAN, WAN_HOST, ask};
use crate::servers::Servers;

/// Queries of each client to each address.
const EACH: usize = 5;

pub struct Fragments {
    #[expect(dead_code, reason = "held while the traffic is used")]
    servers: Arc<Servers>,
}

impl Fragments {
    pub fn new(servers: &Arc<Servers>) -> Self {
        Self {
            servers: Arc::clone(servers),
        }
    }
}

impl Traffic for Fragments {
    fn name(&self) -> &'static str {
        "EDNS answers in fragments"
    }

    /// Not `Reply`: with `SCOPE_ALL`, a fragment without ports is not recognized as a reply.
    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn interfaces(&self) -> &[&'static str] {
        &[WAN]
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let (mut sent, mut answers) = (0, 0);
        let questions = " large.example TXT".repeat(EACH);
        for client in [&router.router, &router.lan] {
            for server in WAN_HOST {
                let words = "+time=20 +bufsize=4096 +ignore";
                let output = ask(client, &format!("kdig @{server} {words}{questions}"))?;
                sent += EACH;
                let received = output
                    .lines()
                    .filter_map(|line| line.strip_prefix(";; Received "));
                answers += received.filter(|line| size(line) > 3000).count();
            }
        }
        Ok(Carried {
            sent: sent as u64,
            lost: (sent - answers) as u64,
            rate: None,
        })
    }
}

/// The size in kdig's line `Received 3715 B`.
fn size(line: &str) -> u32 {
    let word = line.split_whitespace().next();
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}
