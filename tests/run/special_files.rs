//! Only regular files are read: a FIFO, a terminal or a device never blocks the daemon.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use support::net::{Corexdp, Daemon, Site, finish};

fn corefile(object: &str, more: &str) -> String {
    format!(
        ". {{\nprometheus\n{more}\nebpf {{\nif edge0\nelf {object}\nmap 0A0B0000.FFFF0000.00000000\n}}\n}}\n"
    )
}

/// Paths of files that are not regular, with their types.
fn special_files(site: &Site) -> [(String, &'static str); 6] {
    mkfifo(&site.folder.file("fifo"), Mode::S_IRWXU).unwrap();
    symlink("fifo", site.folder.file("link")).unwrap();
    drop(UnixListener::bind(site.folder.file("socket")).unwrap());
    [
        ("fifo", "a FIFO"),
        ("link", "a FIFO"),
        ("socket", "a socket"),
        ("/dev/zero", "a device"),
        ("/dev/ptmx", "a device"),
        ("/dev/tty", "a device"),
    ]
    .map(|(path, name)| (path.to_owned(), name))
}

#[test]
fn corefile_import_and_object_must_be_regular_files() {
    let site = Site::new();
    for (path, name) in special_files(&site) {
        let run = |args: &[&str]| finish(&mut Corexdp::command(site.folder.path(), args));
        for command in ["run", "check", "expand"] {
            run(&[command, "-conf", &path]).refuses(66, &[&path, name, "regular file", "stdin"]);
        }
        run(&["inspect", &path]).refuses(66, &[&path, name, "regular file"]);
        let object = corefile(&path, "");
        let import = corefile("example.o", &format!("import {path}"));
        for (text, code, place) in [
            (object, 66, "Corefile:6: elf: "),
            (import, 78, "Corefile:3: import: "),
        ] {
            site.folder.write("Corefile", &text);
            for command in ["run", "check"] {
                let parts = [place, path.as_str(), name, "regular file"];
                run(&[command, "-conf", "Corefile"]).refuses(code, &parts);
            }
        }
    }
}

/// Some regular files of the kernel block a reader too.
#[test]
fn kernel_log_does_not_block() {
    let site = Site::new();
    let args = ["check", "-conf", "/proc/kmsg"];
    let outcome = finish(&mut Corexdp::command(site.folder.path(), &args));
    // A kernel log that is longer than a Corefile may be is refused for its size.
    assert!(matches!(outcome.code, Some(66 | 78)), "{outcome:#?}");
    assert!(outcome.stderr.contains("/proc/kmsg"), "{outcome:#?}");
}

#[test]
fn symbolic_link_to_a_regular_file_is_read() {
    let site = Site::new();
    symlink("example.o", site.folder.file("link.o")).unwrap();
    symlink("part", site.folder.file("import")).unwrap();
    site.folder.write("part", "debug\n");
    site.folder
        .write("real", &corefile("link.o", "import import"));
    symlink("real", site.folder.file("Corefile")).unwrap();
    site.start(&[]).attached(1).stop();
}

/// Replaces `name` with a FIFO and back, each time by renaming, since the running daemon polls the file.
fn becomes_a_fifo(site: &Site, daemon: &Daemon, name: &str, round: usize) {
    let path = site.folder.file(name);
    let content = fs::read(&path).unwrap();
    let new = site.folder.file(".new");
    mkfifo(&new, Mode::S_IRWXU).unwrap();
    fs::rename(&new, &path).unwrap();
    let (_, line) = daemon.nth_line(round, "the path is a FIFO; name a regular file");
    assert!(line.contains(name), "{line}");
    let outcome = site.ask(&["reload"]);
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.stderr.contains(name), "{outcome:#?}");
    assert!(outcome.stderr.contains("a FIFO"), "{outcome:#?}");
    assert_eq!(site.get("/metrics").status, 200);
    assert!(site.attached().is_some());
    fs::write(&new, content).unwrap();
    fs::rename(&new, &path).unwrap();
    site.ask(&["reload"]).expect(0, &[]);
}

#[test]
fn running_daemon_is_not_blocked_by_a_fifo() {
    let site = Site::new();
    site.folder.write("part", "debug\n");
    let text = corefile("example.o", "reload 2s 1s\nimport part");
    let daemon = site.run(&text).attached(1);
    for (number, name) in ["Corefile", "part", "example.o"].into_iter().enumerate() {
        // Each round logs two refusals: of the poll and of the request.
        becomes_a_fifo(&site, &daemon, name, 2 * number);
    }
    let fifo = site.folder.file(".new");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    fs::rename(&fifo, site.folder.file("Corefile")).unwrap();
    daemon.nth_line(6, "the path is a FIFO; name a regular file");
    daemon.stop();
}
