//! OpenSSH sessions to the router and through the router.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use support::net::{Namespace, finish};
use support::wait::wait_until;

use super::{Carried, Kind, Traffic};
use crate::router::{ROUTER_LAN, ROUTER_WAN, Router, Server, WAN_HOST, ask, start};

/// Command of a session, whose output needs several packets.
const COMMAND: &str = "seq 20000";
const OUTPUT: usize = 108_894;

/// Sessions to one of the servers.
pub struct Ssh {
    name: &'static str,
    kind: Kind,
    /// Command line of a client, without the destination.
    options: String,
    _servers: Arc<[Server; 2]>,
}

impl Ssh {
    /// Servers on the router and in the WAN.
    pub fn all(router: &Router) -> [Self; 2] {
        let folder = router.folder.file("ssh");
        fs::create_dir_all(&folder).unwrap();
        // sshd needs this folder for unprivileged children. Debian creates the folder at boot.
        fs::create_dir_all("/run/sshd").unwrap();
        for key in ["host_key", "key"] {
            let mut command = Command::new("ssh-keygen");
            command.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
            let outcome = finish(command.arg(folder.join(key)));
            outcome.expect(0, &[]);
        }
        let folder = folder.display();
        router.folder.write(
            "ssh/sshd_config",
            &format!(
                "Port 22\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/key.pub\nPidFile none\nStrictModes no\n\
                 UsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
            ),
        );
        let file = router.folder.file("ssh/sshd_config");
        let servers = [&router.router, &router.wan].map(|place| {
            start(
                place,
                Command::new("/usr/sbin/sshd")
                    .arg("-D")
                    .arg("-f")
                    .arg(&file),
            )
        });
        let servers = Arc::new(servers);
        let options = format!(
            "ssh -F none -i {folder}/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             -o LogLevel=ERROR -o ConnectTimeout=20"
        );
        let make = |name, kind| Self {
            name,
            kind,
            options: options.clone(),
            _servers: Arc::clone(&servers),
        };
        let all = [
            make("ssh to the router", Kind::Management),
            make("ssh, forwarded", Kind::Other),
        ];
        for traffic in &all {
            wait_until("ssh works", || traffic.run(router));
        }
        all
    }

    fn log_in(&self, client: &Namespace, server: &str) -> Result<(), String> {
        let output = ask(client, &format!("{} root@{server} {COMMAND}", self.options))?;
        if output.len() == OUTPUT {
            Ok(())
        } else {
            Err(format!("{server}: {} bytes", output.len()))
        }
    }
}

impl Traffic for Ssh {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn run(&self, router: &Router) -> Result<Carried, String> {
        let sessions: &[(&Namespace, &str)] = if self.kind == Kind::Management {
            &[(&router.lan, ROUTER_LAN[1]), (&router.wan, ROUTER_WAN[0])]
        } else {
            &[(&router.lan, WAN_HOST[1]), (&router.lan, WAN_HOST[0])]
        };
        for (client, server) in sessions {
            self.log_in(client, server)?;
        }
        Ok(Carried {
            sent: sessions.len() as u64,
            lost: 0,
            rate: None,
        })
    }
}
