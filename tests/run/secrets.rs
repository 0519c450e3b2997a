//! Values of maps and members whose names begin with `secret` are never shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;

use serde_json::{Value, json};

use support::net::{Corexdp, Outcome, Site, finish};
use support::wait::wait_for;

/// Parts of the secrets below, in lower case.
const SECRETS: [&str; 4] = ["deadbeef", "51966", "cafe", "feca"];
const LINES: &str = "\
    entry @secrets 0 key=0xdeadbeefdeadbeefdeadbeefdeadbeef id=51966
    map @secrets 01000000 DEADBEEFDEADBEEFDEADBEEFDEADBEEF00000000
    entry 1 packets=7 secret_port=51966 secret=0xdeadbeefdeadbeef
    entry 2 packets=7 unused=1
    gauge packets 1 packets Packets.";

fn corefile(lines: &str) -> String {
    format!(". {{\nprometheus\ndebug\nebpf {{\nelf secrets.o\nif edge0\n{lines}\n}}\n}}\n")
}

fn site() -> Site {
    let site = Site::new();
    site.folder.fixture("secrets");
    site
}

/// Fails if the text has a part of a secret.
fn is_clean(text: &str) {
    let text_in_lower_case = text.to_ascii_lowercase();
    for secret in SECRETS {
        assert!(!text_in_lower_case.contains(secret), "{secret}: {text}");
    }
}

fn shown(outcome: &Outcome) -> &str {
    is_clean(&outcome.stdout);
    is_clean(&outcome.stderr);
    &outcome.stdout
}

#[test]
fn nothing_shows_a_secret() {
    let site = site();
    let daemon = site.run(&corefile(LINES)).attached(1);
    for words in [&["status"][..], &["status", "--json"]] {
        shown(&site.ask(words));
    }
    for page in ["/", "/status", "/metrics"] {
        is_clean(&site.get(page).body);
    }
    let secrets = site.filter().map("secrets");
    secrets.update("01 00 00 00", &["ca fe"; 10].join(" "));
    daemon.line("map secrets: key=01000000 value=(secret)");
    site.filter().map("xdp_map").delete("01 00 00 00");
    let reloaded = LINES.replace("packets=7 secret", "packets=8 secret");
    site.folder.write("Corefile", &corefile(&reloaded));
    shown(&site.ask(&["reload"]));
    is_clean(&daemon.stop().join("\n"));
}

#[test]
fn dump_hides_secrets() {
    let site = site();
    let daemon = site.run(&corefile(LINES)).attached(1);
    let outcome = site.ask(&["dump"]);
    let text = shown(&outcome);
    for line in [
        "entry @secrets 0 key=(secret) id=(secret)",
        "entry @secrets 1 key=(secret)",
        "entry 1 packets=7 secret_port=(secret) secret=(secret)",
        "entry 2 packets=7 unused=1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let outcome = site.ask(&["dump", "--json"]);
    let maps: Value = serde_json::from_str(shown(&outcome)).unwrap();
    let maps = maps.as_array().unwrap();
    let map = maps.iter().find(|map| map["map"] == "secrets").unwrap();
    let entry = json!({
        "key": "00000000", "key_word": "0", "value": "(secret)",
        "fields": { "key": "(secret)", "id": "(secret)" },
    });
    assert_eq!(map["entries"][0], entry);
    daemon.stop();
}

/// The dump after a rotation shows that the old secret is gone.
#[test]
fn dump_shows_that_no_secret_is_set() {
    let site = site();
    let daemon = site.run(&corefile(LINES)).attached(1);
    let secrets = site.filter().map("secrets");
    secrets.update("01 00 00 00", &["00"; 20].join(" "));
    let outcome = site.ask(&["dump"]);
    let text = shown(&outcome);
    let line = "entry @secrets 1 key=::";
    assert!(text.lines().any(|found| found == line), "{text}");
    let outcome = site.ask(&["dump", "--json"]);
    let maps: Value = serde_json::from_str(shown(&outcome)).unwrap();
    let maps = maps.as_array().unwrap();
    let map = maps.iter().find(|map| map["map"] == "secrets").unwrap();
    let entry = json!({
        "key": "01000000", "key_word": "1", "value": "00".repeat(20),
        "fields": { "key": "::", "id": 0 },
    });
    assert_eq!(map["entries"][1], entry);
    daemon.stop();
    check(&site, line).expect(0, &[]);
}

#[test]
fn decision_with_a_secret_survives_a_reload() {
    let site = site();
    let corefile = corefile("");
    let daemon = site.run(&corefile).attached(1);
    let added = site.decide(&["add", "3", "packets=1", "secret=0xdeadbeefdeadbeef"]);
    shown(&added);
    added.expect(0, &[]);
    shown(&site.ask(&["test", "3"]));
    daemon.stop();
    let daemon = site.run(&corefile).attached(1);
    let entries = site.filter().map("xdp_map").entries();
    assert!(entries[0].1.contains("DEADBEEFDEADBEEF"), "{entries:?}");
    is_clean(&daemon.stop().join("\n"));
}

#[test]
fn errors_do_not_quote_a_secret() {
    let site = site();
    for (line, error) in [
        (
            "entry @secrets 0 key=0xdeadbeef",
            "entry: key is __u8[16], 16 bytes; it takes 0x and 32 digits or an IPv6 address or its elements as key[0]",
        ),
        (
            "entry @secrets 0 key=(secret)",
            "entry: key is __u8[16], 16 bytes; it takes 0x and 32 digits or an IPv6 address or its elements as key[0]",
        ),
        (
            "entry 1 secret_port=5196600",
            "entry: secret_port is __u16, 2 bytes; it takes a number from 0 to 65535",
        ),
        (
            "entry @secrets 0 0xdeadbeefdeadbeefdeadbeefdeadbeef",
            "entry: a word has no `=`; write FIELD=VALUE without spaces around it, and a VALUE with spaces as \"FIELD=VALUE\"",
        ),
        (
            "entry @secrets key=0xdeadbeefdeadbeefdeadbeefdeadbeef id=1",
            "entry: KEY has a `=`; write KEY before FIELD=VALUE",
        ),
        (
            "entry @secrets 0xdeadbeefdeadbeefdeadbeefdeadbeef id=1",
            "entry: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295",
        ),
        (
            "entry @secrets deadbeefdeadbeefdeadbeefdeadbeef id=1",
            "entry: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295",
        ),
        (
            "entry @secrets 0xefbeadde id=1",
            "entry: KEY is past the end of secrets; the last is",
        ),
        (
            "entry @secrets 0 deadbeef==",
            "entry: a FIELD is no member of the value; `corexdp inspect` shows the members",
        ),
        (
            "gauge x @secrets deadbeef id X",
            "gauge: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295",
        ),
        (
            "import lines 0xdeadbeef",
            "import: more than one name; write one import for each, on a line of its own",
        ),
        (
            "map @secrets 00000000 DEADBEEF",
            "map: VALUE has 4 bytes; a value of secrets has 20 bytes",
        ),
        (
            "key=0xdeadbeefdeadbeefdeadbeefdeadbeef",
            "ebpf: unknown option \"key=\"; ",
        ),
        (
            "gauge x 1 secret_port X",
            "gauge: a secret of the map is never shown; read another member",
        ),
        (
            "counter x @secrets 0 id X",
            "counter: a secret of the map is never shown; read another member",
        ),
        (
            "metric x 01000000 0 5 X",
            "metric: a secret of the map is never shown; read another member",
        ),
    ] {
        site.folder.write("Corefile", &corefile(line));
        for more in [&[][..], &["--json"]] {
            let words = [&["check", "-conf", "Corefile"], more].concat();
            let outcome = finish(&mut Corexdp::command(site.folder.path(), &words));
            shown(&outcome);
            if more.is_empty() {
                outcome.refuses(78, &[&format!("Corefile:7: {error}")]);
            }
        }
    }
}

fn write(site: &Site, name: &str, text: &str, mode: u32) -> PathBuf {
    site.folder.write(name, text);
    let path = site.folder.file(name);
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn check(site: &Site, lines: &str) -> Outcome {
    site.folder.write("Corefile", &corefile(lines));
    finish(&mut Corexdp::command(
        site.folder.path(),
        &["check", "-conf", "Corefile"],
    ))
}

/// The second map entry is of an imported file, whose folder has the secret.
#[test]
fn file_has_the_secret_and_its_change_is_a_reload() {
    let site = site();
    write(&site, "one", "0xdeadbeefdeadbeefdeadbeefdeadbeef\n", 0o600);
    write(&site, "more/two", "CAFECAFECAFECAFECAFECAFECAFECAFE", 0o400);
    site.folder
        .write("more/lines", "entry @secrets 1 key=file:two");
    let corefile = corefile("entry @secrets 0 key=file:one\nimport more/lines");
    let corefile = corefile.replace("debug", "reload 2s 1s");
    let daemon = site.run(&corefile).attached(1);
    let secrets = site.filter().map("secrets");
    let keys = || -> Vec<String> {
        let entries = secrets.entries().into_iter();
        entries.map(|(_, value)| value[..32].to_owned()).collect()
    };
    assert_eq!(keys(), ["DEADBEEF".repeat(4), "CAFE".repeat(8)]);
    let changed = write(&site, "new", &"01".repeat(16), 0o600);
    fs::rename(changed, site.folder.file("one")).unwrap();
    wait_for("the new key", &"01".repeat(16), || keys()[0].clone());
    // Only the permissions of a refused file change.
    fs::set_permissions(site.folder.file("more/two"), Permissions::from_mode(0o640)).unwrap();
    daemon.line("reload: nothing was changed");
    fs::set_permissions(site.folder.file("more/two"), Permissions::from_mode(0o600)).unwrap();
    daemon.nth_line(1, "reload: done");
    is_clean(&daemon.stop().join("\n"));
}

#[test]
fn file_of_a_secret_is_refused_with_the_remedy() {
    let site = site();
    let line = |path: &str| format!("entry @secrets 0 key=file:{path}");
    let remedy = |name: &str, message: &str| {
        let path = site.folder.file(name).display().to_string();
        format!(
            "Corefile:7: entry: {path}: {}",
            message.replace("PATH", &path)
        )
    };
    let digits = "not a secret; write hexadecimal digits, two for each byte, in one line";
    for (name, text, mode, message) in [
        (
            "group",
            "deadbeef",
            0o640,
            "others may access the secret; run `chown root` and `chmod 600` for this file",
        ),
        (
            "others",
            "deadbeef",
            0o604,
            "others may access the secret; run `chown root` and `chmod 600` for this file",
        ),
        ("words", "deadbeef cafe", 0o600, digits),
        ("lines", "dead\nbeef\n", 0o600, digits),
        ("odd", "deadbee", 0o600, digits),
        ("empty", "\n", 0o600, digits),
    ] {
        write(&site, name, text, mode);
        let outcome = check(&site, &line(name));
        shown(&outcome);
        outcome.refuses(66, &[&remedy(name, message)]);
    }
    let foreign = write(&site, "foreign", "deadbeef", 0o600);
    chown(foreign, Some(4242), None).unwrap();
    check(&site, &line("foreign")).refuses(
        66,
        &[&remedy(
            "foreign",
            "others may access the secret; run `chown root` and `chmod 600` for this file",
        )],
    );
    for (name, message) in [("none", "cannot be read: "), (".", "cannot be read: ")] {
        let outcome = check(&site, &line(name));
        assert!(outcome.stderr.contains(message), "{outcome:?}");
        assert_eq!(outcome.code, Some(66));
    }
    let large = "00".repeat(1025);
    write(&site, "large", &large, 0o600);
    assert_eq!(check(&site, &line("large")).code, Some(66));
}

#[test]
fn file_is_a_text_in_other_members() {
    let site = site();
    site.folder.fixture("words");
    let lines = "entry 1 label=file:a";
    site.folder
        .write("Corefile", &corefile(lines).replace("secrets.o", "words.o"));
    finish(&mut Corexdp::command(
        site.folder.path(),
        &["check", "-conf", "Corefile"],
    ))
    .expect(0, &[]);
}
