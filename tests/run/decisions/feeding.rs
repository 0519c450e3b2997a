//! Programs that feed decisions: the files in `tests/provisioning/` for fail2ban and `CrowdSec`.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use super::{blocks, drops, entries, kept, start};
use support::net::{Corexdp, Site, finish_with};
use support::wait::wait_for;

/// A file of `tests/provisioning/`.
fn provisioning(name: &str) -> String {
    format!("{}/tests/provisioning/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A fail2ban that reads `auth.log` in the site's folder. Dropping it kills that process.
struct Fail2ban(Child);

impl Drop for Fail2ban {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const CONFIG: &str = "[Definition]
loglevel = INFO
logtarget = FOLDER/fail2ban.log
syslogsocket = auto
socket = FOLDER/fail2ban.sock
pidfile = FOLDER/fail2ban.pid
dbfile = None
dbmaxmatches = 10
dbpurgeage = 1d
";

const JAIL: &str = "[DEFAULT]
backend = polling
[test]
enabled = true
filter = test
logpath = FOLDER/auth.log
maxretry = 1
findtime = 1h
bantime = 1h
ignorecommand = sh -c \"COREXDP test --control FOLDER/control <ip> | grep -q BLOCK_PASS\"
action = corexdp[corexdp=\"COREXDP\", options=\"--control FOLDER/control --state FOLDER/state\", fields=\"action=BLOCK_DROP\"]
";

impl Fail2ban {
    fn start(site: &Site) -> Self {
        let folder = site.folder.path().display().to_string();
        let corexdp = Corexdp::command(site.folder.path(), &[]);
        let corexdp = corexdp.get_program().to_str().unwrap();
        let fill = |text: &str| text.replace("FOLDER", &folder).replace("COREXDP", corexdp);
        for name in ["action.d", "filter.d"] {
            fs::create_dir_all(site.folder.file("fail2ban").join(name)).unwrap();
        }
        for (name, text) in [
            ("fail2ban/fail2ban.conf", fill(CONFIG)),
            ("fail2ban/jail.conf", fill(JAIL)),
            (
                "fail2ban/filter.d/test.conf",
                "[Definition]\nfailregex = ^.*login failed from <HOST>$\n".into(),
            ),
            (
                "fail2ban/action.d/corexdp.conf",
                fs::read_to_string(provisioning("corexdp.conf")).unwrap(),
            ),
            ("auth.log", String::new()),
        ] {
            site.folder.write(name, &text);
        }
        let mut command = Command::new("fail2ban-server");
        command.args(["-c", &format!("{folder}/fail2ban"), "-f", "start"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Asks the running fail2ban.
    fn ask(site: &Site, words: &[&str]) -> bool {
        let folder = site.folder.path().display().to_string();
        let mut command = Command::new("fail2ban-client");
        command.args(["-c", &format!("{folder}/fail2ban")]);
        command.args(words).output().unwrap().status.success()
    }
}

#[test]
fn fail2ban_bans_and_unbans() {
    let site = blocks();
    let daemon = start(&site, "    entry 198.51.100.0/24 action=BLOCK_PASS\n");
    let fail2ban = Fail2ban::start(&site);
    wait_for("whether fail2ban answers", &true, || {
        Fail2ban::ask(&site, &["status", "test"])
    });
    assert!(!drops(&site, "192.0.2.7"));
    let mut log = OpenOptions::new()
        .append(true)
        .open(site.folder.file("auth.log"))
        .unwrap();
    let now = Command::new("date").arg("+%Y-%m-%d %H:%M:%S").output();
    let now = String::from_utf8(now.unwrap().stdout).unwrap();
    // The first address is one of those that are never to be banned.
    for source in ["198.51.100.7", "192.0.2.7"] {
        writeln!(log, "{} login failed from {source}", now.trim()).unwrap();
    }
    wait_for("entries", &2, || entries(&site, "xdp_map"));
    assert!(drops(&site, "192.0.2.7"));
    let [line] = &kept(&site)[..] else {
        panic!("{:?}", kept(&site))
    };
    assert!(
        line.contains("192.0.2.7/32 action=BLOCK_DROP until 20"),
        "{line}"
    );
    assert!(Fail2ban::ask(
        &site,
        &["set", "test", "unbanip", "192.0.2.7"]
    ));
    wait_for("entries", &1, || entries(&site, "xdp_map"));
    assert!(!drops(&site, "192.0.2.7") && !drops(&site, "198.51.100.7"));
    let text = fs::read_to_string(site.folder.file("fail2ban.log")).unwrap();
    assert!(text.contains("Ignore 198.51.100.7 by command"), "{text}");
    drop(fail2ban);
    daemon.stop();
}

/// A recorded answer of `/v1/decisions/stream?startup=true`, and a later one.
const STARTUP: &str = r#"{"deleted":[{"duration":"-9h1m2.5s","id":1,"origin":"cscli","scenario":"manual 'ban'","scope":"Ip","type":"ban","value":"192.0.2.9"}],
"new":[{"duration":"3h59m57.641708614s","id":2,"origin":"CAPI","scenario":"crowdsecurity/ssh-bf","scope":"Ip","type":"ban","value":"192.0.2.7","uuid":"1b2c"},
{"duration":"10m","id":3,"origin":"lists","scenario":"firehol","scope":"Range","type":"ban","value":"198.51.100.0/24"},
{"duration":"10m","id":4,"origin":"cscli","scenario":"x","scope":"Ip","type":"captcha","value":"192.0.2.10"},
{"duration":"10m","id":5,"origin":"cscli","scenario":"x","scope":"Country","type":"ban","value":"XX"}]}"#;
const LATER: &str = r#"{"deleted":[{"duration":"-1s","id":2,"origin":"CAPI","scenario":"crowdsecurity/ssh-bf","scope":"Ip","type":"ban","value":"192.0.2.7"}],"new":null}"#;

#[test]
fn decisions_of_crowdsec_are_added_and_deleted() {
    let site = blocks();
    let daemon = start(&site, "");
    let lines = |json: &str| {
        let mut script = Command::new("busybox");
        script.args(["sh", &provisioning("crowdsec.sh")]);
        script.env("FIELDS", "action=BLOCK_DROP");
        let outcome = finish_with(&mut script, json);
        outcome.expect(0, &[]);
        outcome.stdout
    };
    let feed = |json: &str| finish_with(&mut site.deciding(&["add", "-"]), &lines(json));
    feed(STARTUP).expect(1, &["-:1: no decision about 192.0.2.9/32 in xdp_map"]);
    assert!(drops(&site, "192.0.2.7") && drops(&site, "198.51.100.9"));
    assert!(!drops(&site, "192.0.2.10"));
    feed(LATER).expect(0, &[]);
    assert!(!drops(&site, "192.0.2.7") && drops(&site, "198.51.100.9"));
    daemon.stop();
}
