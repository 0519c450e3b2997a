//! Server cookies with the servers that make them: Knot DNS, BIND and Unbound behind a filter, which has their secret.
//! Unbound has cookies from 1.18 on: that of Debian 12 does not take part.

mod clients;
mod resolver;
mod servers;

use std::process::{Child, Command, Stdio};

use support::net::{CLIENT, Daemon, Namespace, SERVER, Site};
use support::wait::wait_until;

/// The secret of RFC 9018 appendix A.1, in the form of every configuration.
const SECRET: u128 = 0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf;

/// Addresses of the servers, all at [`SERVER`].
const KNOT: [&str; 2] = ["192.0.2.53", "2001:db8::53"];
const BIND: [&str; 2] = ["192.0.2.54", "2001:db8::54"];
const UNBOUND: [&str; 2] = ["192.0.2.55", "2001:db8::55"];
/// Addresses of [`CLIENT`].
const CLIENTS: [&str; 2] = ["192.0.2.10", "2001:db8::10"];

/// Settings under which only a query with a valid cookie has a token.
const ONLY_COOKIES: [(&str, &str); 2] = [
    (
        "dns",
        "entry @settings 0 rate=1 new_rate=1 cookie_rate=1000000\n\
         entry @pools 0 sources.full=9000000000000000000",
    ),
    (
        "guard",
        "entry @settings 0 truncate=true cookie_rate=1000000 syn_rate=1000000\n\
         entry @limits ::/0 rate=1 bucket.full=9000000000000000000",
    ),
];

const COUNTERS: [&str; 4] = [
    "truncated",
    "cookies_valid",
    "cookies_forged",
    "cookies_stale",
];

/// The lines with the secret that corexdp-programs(7) shows: of the Corefile, knot.conf, named.conf and
/// unbound.conf.
const COREFILE: &str = "entry @secrets 0 key=0xe5e973e5a6b2a43f48e7dc849e37bfcf";
const KNOT_CONF: &str = "\
mod-cookies:
  - id: default
    secret: 0xe5e973e5a6b2a43f48e7dc849e37bfcf

template:
  - id: default
    global-module: mod-cookies/default
";
const NAMED_CONF: &str = "\
cookie-algorithm siphash24;
cookie-secret \"e5e973e5a6b2a43f48e7dc849e37bfcf\";
";
const UNBOUND_CONF: &str = "\
answer-cookie: yes
cookie-secret: e5e973e5a6b2a43f48e7dc849e37bfcf
";

const ZONE: &str = "\
$ORIGIN example.
$TTL 60
@    SOA ns hostmaster 1 3600 600 86400 60
@    NS  ns
ns   A   192.0.2.53
*    A   198.51.100.80
";
/// The address of every name.
const ANSWER: &str = "198.51.100.80";

/// A process that is killed on drop.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let killed = self.0.kill().and_then(|()| self.0.wait());
        if !std::thread::panicking() {
            killed.unwrap();
        }
    }
}

/// The servers, their client, and the folder of all.
struct Stage {
    #[expect(dead_code, reason = "held until the test is over")]
    processes: Vec<Server>,
    /// Addresses of the servers.
    servers: Vec<[&'static str; 2]>,
    site: Site,
}

impl Stage {
    /// Servers without a filter.
    fn new() -> Self {
        let site = Site::new();
        for (namespace, interface, [ip4, ip6]) in [
            (&site.server, SERVER, KNOT),
            (&site.server, SERVER, BIND),
            (&site.server, SERVER, UNBOUND),
            (&site.client, CLIENT, CLIENTS),
        ] {
            namespace.run(&format!("ip address add {ip4}/24 dev {interface}"));
            namespace.run(&format!("ip address add {ip6}/64 dev {interface} nodad"));
        }
        site.folder.write("example.zone", ZONE);
        let mut servers = vec![KNOT, BIND];
        let mut processes = vec![start_knot(&site), start_bind(&site)];
        if unbound_has_cookies(&site) {
            servers.push(UNBOUND);
            processes.push(start_unbound(&site));
        }
        let stage = Self {
            processes,
            servers,
            site,
        };
        for server in stage.servers.concat() {
            wait_until(&format!("{server} answers"), || {
                let output = stage.ask("kdig", server, "+tcp +retry=0 +time=1");
                if output.contains(ANSWER) {
                    Ok(())
                } else {
                    Err(output)
                }
            });
        }
        stage
    }

    /// Attaches a program with these lines and the secret.
    fn filtered(&self, program: &str, lines: &str) -> Daemon {
        self.site.folder.shipped(program);
        let counters =
            COUNTERS.map(|name| format!("counter {name} @totals 0 {name} \"Packets.\"\n"));
        let counters = counters.concat();
        let corefile = format!(
            ". {{\nprometheus\nebpf {{\nelf {program}.o\nif {SERVER}\nmode generic\n\
             {COREFILE}\n{lines}\n{counters}}}\n}}\n"
        );
        self.site.run(&corefile).attached(1)
    }

    /// The output of kdig or dig for a query.
    fn ask(&self, client: &str, server: &str, words: &str) -> String {
        let line = format!("{client} @{server} www.example A {words}");
        let output = self.site.client.attempt(&line);
        String::from_utf8(output.stdout).unwrap()
    }

    fn becomes(&self, counter: &str, value: u64) {
        let name = format!("coredns_ebpf_{counter}");
        self.site.metric_becomes(&name, value);
    }

    fn number(&self, counter: &str) -> u64 {
        let page = self.site.get("/metrics");
        let number = page.metric(&format!("coredns_ebpf_{counter}"));
        number.unwrap().parse().unwrap()
    }
}

/// Starts Knot, which answers BADCOOKIE to every query over UDP with a cookie that is not valid.
fn start_knot(site: &Site) -> Server {
    let folder = site.folder.path().display();
    let [ip4, ip6] = KNOT;
    let conf = format!(
        "server:
    rundir: {folder}
    listen: [{ip4}@53, {ip6}@53]
database:
    storage: {folder}
log:
  - target: stderr
    any: warning
{KNOT_CONF}    storage: {folder}
    journal-content: none
    zonefile-sync: -1
zone:
  - domain: example
    file: example.zone
"
    );
    site.folder.write("knot.conf", &conf);
    let mut command = Command::new("knotd");
    command.arg("-c").arg(site.folder.file("knot.conf"));
    spawn(&site.server, &mut command)
}

/// Starts BIND, which answers BADCOOKIE to every query over UDP without a valid cookie.
fn start_bind(site: &Site) -> Server {
    let [ip4, ip6] = BIND;
    let options = format!(
        "listen-on {{ {ip4}; }};
listen-on-v6 {{ {ip6}; }};
recursion no;
require-server-cookie yes;
{NAMED_CONF}"
    );
    let zone = "zone \"example\" { type primary; file \"example.zone\"; };";
    start_named(site, &site.server, "server", &options, zone)
}

fn unbound_has_cookies(site: &Site) -> bool {
    let text = site.server.run("unbound -V");
    let version = text.lines().find_map(|line| line.strip_prefix("Version "));
    let mut numbers = version.expect(&text).split('.').map(str::parse);
    let [major, minor]: [u32; 2] = [(); 2].map(|()| numbers.next().unwrap().unwrap());
    (major, minor) >= (1, 18)
}

/// Starts Unbound, which answers no query over UDP without a valid cookie.
fn start_unbound(site: &Site) -> Server {
    let folder = site.folder.path().display();
    let [ip4, ip6] = UNBOUND;
    let conf = format!(
        "server:
directory: \"{folder}\"
chroot: \"\"
username: \"\"
pidfile: \"\"
do-daemonize: no
use-syslog: no
logfile: unbound.log
interface: {ip4}
interface: {ip6}
access-control: 0.0.0.0/0 allow_cookie
access-control: ::/0 allow_cookie
module-config: iterator
local-zone: example. redirect
local-data: \"example. A {ANSWER}\"
{UNBOUND_CONF}remote-control:
control-enable: no
"
    );
    site.folder.write("unbound.conf", &conf);
    let mut command = Command::new("unbound");
    command.arg("-d").arg("-c");
    command.arg(site.folder.file("unbound.conf"));
    spawn(&site.server, &mut command)
}

/// Starts named with these options and statements in `NAME.conf`.
fn start_named(
    site: &Site,
    namespace: &Namespace,
    name: &str,
    options: &str,
    statements: &str,
) -> Server {
    let folder = site.folder.path().display();
    let conf = format!(
        "options {{
directory \"{folder}\";
managed-keys-directory \"{folder}/{name}\";
pid-file none;
session-keyfile none;
lock-file none;
dnssec-validation no;
{options}}};
controls {{ }};
{statements}
"
    );
    site.folder.write(&format!("{name}/named.conf"), &conf);
    // AppArmor keeps the named of the package from files of tests. A copy written by this process could be busy (ETXTBSY).
    let program = site.folder.file(&format!("{name}/named"));
    namespace.run(&format!("cp /usr/sbin/named {}", program.display()));
    let mut command = Command::new(program);
    command.args(["-g", "-n", "1", "-c"]);
    command.arg(site.folder.file(&format!("{name}/named.conf")));
    spawn(namespace, &mut command)
}

fn spawn(namespace: &Namespace, command: &mut Command) -> Server {
    command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = namespace.enter(|| command.spawn());
    Server(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
}
