//! `reload -conf FILE --confirm`: the daemon tries a file, and the Corefile changes only with `confirm`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::control::{NEW, OLD, corefile, drops, start};
use crate::status::status_text;
use support::net::{Corexdp, Daemon, Outcome, Site};
use support::wait::wait_for;

/// Time limit of a trial that ends by itself. A busy machine must do all steps of a test before it.
const SHORT: &str = "10s";

/// Tries the file `New` of the site for this time.
fn try_new(site: &Site, time: &str) -> Outcome {
    site.ask(&["reload", "-conf", "New", "--confirm", time])
}

/// Starts with the Corefile [`OLD`], and tries `new` for a minute.
fn trial(new: &str) -> (Site, Daemon) {
    let (site, daemon) = start();
    site.folder.write("New", new);
    try_new(&site, "1m").expect(0, &[]);
    (site, daemon)
}

fn read(site: &Site, name: &str) -> String {
    fs::read_to_string(site.folder.file(name)).unwrap()
}

/// The member `trial` of the status.
fn on_trial(site: &Site) -> serde_json::Value {
    let outcome = site.ask(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(status["corefile"], "Corefile");
    status["trial"].clone()
}

fn path(site: &Site, name: &str) -> String {
    site.folder.file(name).to_str().unwrap().to_owned()
}

#[test]
fn trial_ends_with_the_old_filters_and_the_old_file() {
    let (site, daemon) = start();
    let before = site.filter();
    site.folder.write("New", &corefile(NEW));
    assert_eq!(on_trial(&site), serde_json::Value::Null);
    try_new(&site, SHORT).expect(0, &[]);
    drops(&site, "10.12.0.1", 0);
    let new = path(&site, "New");
    daemon.line(&format!(
        "warning: {new} is on trial: run `corexdp confirm` within 10 s, or the reload is rolled back"
    ));
    assert_eq!(on_trial(&site), new);
    assert!(status_text(&site).contains("is on trial: "));
    let page = site.get("/").body;
    assert!(page.contains(&format!("{new} is on trial: ")), "{page}");
    let pending = site
        .get("/metrics")
        .metric("corexdp_confirm_pending")
        .map(str::to_owned);
    assert_eq!(pending.as_deref(), Some("1"));
    // Every other reload is refused.
    site.ask(&["reload"]).refuses(69, &["is not confirmed yet"]);
    try_new(&site, SHORT).refuses(69, &["is not confirmed yet"]);
    assert_eq!(read(&site, "Corefile"), corefile(OLD));
    daemon.line("not confirmed in time: the reload is rolled back; the Corefile is unchanged");
    wait_for("the filter", &before, || site.filter());
    drops(&site, "10.11.0.1", 0);
    assert_eq!(on_trial(&site), serde_json::Value::Null);
    let page = site.get("/").body;
    assert!(
        page.contains("</time>; the Corefile is unchanged</div>"),
        "{page}"
    );
    site.ask(&["confirm"])
        .refuses(69, &["there is nothing to confirm"]);
    assert_eq!(read(&site, "Corefile"), corefile(OLD));
    daemon.stop();
}

/// The daemon is killed during the trial, as by a power cut, or stopped.
#[test]
fn start_after_a_trial_reads_the_old_file() {
    for kill in [true, false] {
        let (site, daemon) = trial(&corefile(NEW));
        if kill {
            daemon.kill();
            wait_for("the program of the interface", &None, || site.attached());
        } else {
            let lines = daemon.stop();
            let line = "warning: not confirmed before the end: the reload is rolled back";
            assert!(lines.iter().any(|other| other == line), "{lines:#?}");
        }
        let daemon = site.start(&[]).attached(1);
        drops(&site, "10.11.0.1", 0);
        daemon.stop();
    }
}

#[test]
fn confirm_puts_the_file_in_place_of_the_corefile() {
    let (site, daemon) = trial(&corefile(NEW));
    let file = site.folder.file("Corefile");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
    std::os::unix::fs::chown(&file, Some(1), Some(2)).unwrap();
    site.ask(&["confirm"]).expect(0, &[]);
    assert_eq!(read(&site, "Corefile"), corefile(NEW));
    let found = fs::metadata(&file).unwrap();
    assert_eq!(
        (found.mode() & 0o7777, found.uid(), found.gid()),
        (0o604, 1, 2)
    );
    // The file that was tried is no longer needed.
    fs::remove_file(site.folder.file("New")).unwrap();
    assert_eq!(on_trial(&site), serde_json::Value::Null);
    drops(&site, "10.12.0.1", 0);
    site.ask(&["confirm"])
        .refuses(69, &["there is nothing to confirm"]);
    let names = fs::read_dir(site.folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<_> = names.filter(|name| name.contains("Core")).collect();
    left.sort();
    assert_eq!(left, ["Corefile"]);
    // Reload and restart read the Corefile.
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
    let daemon = site.start(&[]).attached(1);
    drops(&site, "10.12.0.1", 0);
    daemon.stop();
}

/// The Corefile is a link to a file in another folder, which is replaced; the link stays.
#[test]
fn confirm_follows_a_link() {
    let site = Site::new();
    site.folder.write("data/Real", &corefile(OLD));
    symlink("data/Real", site.folder.file("Corefile")).unwrap();
    let daemon = site.start(&[]).attached(1);
    site.folder.write("New", &corefile(NEW));
    try_new(&site, "1m").expect(0, &[]);
    site.ask(&["confirm"]).expect(0, &[]);
    assert_eq!(read(&site, "data/Real"), corefile(NEW));
    let link = fs::read_link(site.folder.file("Corefile")).unwrap();
    assert_eq!(link, Path::new("data/Real"));
    daemon.stop();
}

#[test]
fn changed_file_is_not_confirmed() {
    let (site, daemon) = trial(&corefile(NEW));
    let new = path(&site, "New");
    for (code, change, reason) in [
        (
            78,
            Some(corefile("0A0D0000")),
            "has changed since the daemon read it",
        ),
        (66, None, "cannot be read: No such file"),
    ] {
        match change {
            Some(text) => site.folder.write("New", &text),
            None => fs::remove_file(site.folder.file("New")).unwrap(),
        }
        site.ask(&["confirm"]).refuses(
            code,
            &[
                &new,
                reason,
                "nothing is confirmed, so the old filters return",
            ],
        );
        assert_eq!(read(&site, "Corefile"), corefile(OLD));
        assert_eq!(on_trial(&site), new);
    }
    // The content that runs can still be confirmed.
    site.folder.write("New", &corefile(NEW));
    site.ask(&["confirm"]).expect(0, &[]);
    assert_eq!(read(&site, "Corefile"), corefile(NEW));
    daemon.stop();
}

/// `corexdp confirm` in a mount namespace of its own, after these commands of a shell.
fn confirm_after(site: &Site, mounts: &str) -> Outcome {
    let confirm = site.asking(&["confirm"]);
    let mut command = Command::new("unshare");
    command
        .current_dir(site.folder.path())
        .args(["--mount", "sh", "-ec"]);
    command.arg(format!("{mounts}; exec \"$@\"")).arg("sh");
    command.arg(confirm.get_program()).args(confirm.get_args());
    site.finish(&mut command)
}

/// The Corefile is on a read-only partition, or is mounted itself, as in a container.
#[test]
fn corefile_that_cannot_be_replaced_is_not_confirmed() {
    let (site, daemon) = trial(&corefile(NEW));
    for (mounts, reason) in [
        (
            "mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\"",
            "Read-only file system",
        ),
        ("mount --bind Corefile Corefile", "busy"),
    ] {
        let outcome = confirm_after(&site, mounts);
        let (new, old) = (path(&site, "New"), path(&site, "Corefile"));
        let what = format!("cannot put {new} in the place of {old}: ");
        let stands = "nothing is confirmed, so the old filters return";
        outcome.refuses(71, &[&what, reason, stands]);
        assert_eq!(read(&site, "Corefile"), corefile(OLD));
        assert!(!site.folder.file(".Corefile.new").exists());
        assert_eq!(on_trial(&site), new);
    }
    daemon.stop();
}

/// Relative paths in the file start at the folder of the Corefile, where the file will be: so the next start reads what was
/// tried. The client's own paths start at its working directory.
#[test]
fn file_in_another_folder_is_tried_as_the_corefile() {
    let (site, daemon) = start();
    site.folder.write("sub/New", &corefile(NEW));
    let folder = site.folder.file("sub");
    let socket = site.folder.file("control");
    let ask = |words: &[&str]| {
        let mut command = Corexdp::command(&folder, words);
        site.finish(command.arg("--control").arg(&socket))
    };
    ask(&["reload", "-conf", "New", "--confirm", "1m"]).expect(0, &[]);
    drops(&site, "10.12.0.1", 0);
    assert_eq!(on_trial(&site), path(&site, "sub/New"));
    ask(&["confirm"]).expect(0, &[]);
    assert_eq!(read(&site, "Corefile"), corefile(NEW));
    daemon.stop();
}

#[test]
fn refused_trial_changes_nothing() {
    let (site, daemon) = start();
    let before = site.filter();
    let new = path(&site, "New");
    try_new(&site, "1m").refuses(66, &[&new, "no such Corefile"]);
    site.folder.write("New", &corefile("nonsense"));
    try_new(&site, "1m").refuses(78, &[&format!("{new}:6: map: ")]);
    // The next start reads the Corefile, so it cannot be tried.
    fs::remove_file(site.folder.file("New")).unwrap();
    symlink("Corefile", site.folder.file("New")).unwrap();
    for name in ["Corefile", "New"] {
        site.ask(&["reload", "-conf", name, "--confirm", "1m"])
            .refuses(78, &["this is the Corefile itself"]);
    }
    let long = "x".repeat(1024);
    site.ask(&["reload", "-conf", &long, "--confirm", "1m"])
        .refuses(78, &["the path has more than 1024 bytes"]);
    site.ask(&["reload", "-conf", "New"]).refuses(
        64,
        &["reload -conf tries a file, and needs --confirm DURATION"],
    );
    assert_eq!(
        (site.filter(), on_trial(&site)),
        (before, serde_json::Value::Null)
    );
    daemon.stop();
}

/// The Corefile has the directive `reload`.
fn polling(network: &str) -> String {
    corefile(network).replace("  prometheus\n", "  prometheus\n  reload 2s 1s\n")
}

/// Neither the end of a trial nor a confirmed file is a change of the Corefile; later changes are.
#[test]
fn polls_follow_the_corefile() {
    let site = Site::new();
    let daemon = site.run(&polling(OLD)).attached(1);
    site.folder.write("New", &polling(NEW));
    try_new(&site, "1s").expect(0, &[]);
    daemon.line("not confirmed in time");
    try_new(&site, "1m").expect(0, &[]);
    site.ask(&["confirm"]).expect(0, &[]);
    fs::remove_file(site.folder.file("New")).unwrap();
    // A refused trial is no content of the Corefile.
    site.folder.write("New", &corefile("nonsense"));
    try_new(&site, "1m").refuses(78, &[]);
    site.folder.write("Corefile", &polling("0A0D0000"));
    daemon.nth_line(2, "reload: done");
    drops(&site, "10.13.0.1", 0);
    assert_eq!(daemon.lines_with("has changed").len(), 1);
    daemon.stop();
}

/// `test` names the line of the file that the daemon runs.
#[test]
fn origin_of_an_entry_is_in_the_file_on_trial() {
    let site = Site::new();
    site.folder.shipped("acl");
    let acl = |address: &str| {
        format!(". {{\nebpf {{\nif edge0\nelf acl.o\nentry {address} action=ACL_DROP\n}}\n}}\n")
    };
    let daemon = site.run(&acl("192.0.2.1")).attached(1);
    site.folder.write("sub/New", &acl("192.0.2.2"));
    site.ask(&["reload", "-conf", "sub/New", "--confirm", "1m"])
        .expect(0, &[]);
    let origin = || {
        let outcome = site.ask(&["test", "192.0.2.2"]);
        let (_, origin) = outcome.stdout.trim_end().split_once("# ").unwrap();
        origin.to_owned()
    };
    assert_eq!(origin(), format!("{}:5", path(&site, "sub/New")));
    site.ask(&["confirm"]).expect(0, &[]);
    assert_eq!(origin(), format!("{}:5", path(&site, "Corefile")));
    daemon.stop();
}
