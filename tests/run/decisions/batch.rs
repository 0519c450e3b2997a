//! `corexdp add -`: many decisions from standard input.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use nix::sys::signal::Signal;

use super::{blocks, corefile, entries, kept, start};
use support::net::{Daemon, Outcome, Site, finish_with};
use support::objects::compile::compile_with;
use support::wait::{wait_for, wait_until};

/// Runs `corexdp add -` with this standard input.
fn batch(site: &Site, text: &str) -> Outcome {
    finish_with(&mut site.deciding(&["add", "-"]), text)
}

#[test]
fn batch_adds_and_deletes_ten_thousand() {
    let site = blocks();
    let daemon = start(&site, "");
    let address = |n: u32| format!("10.1.{}.{}", n / 256, n % 256);
    let mut text = String::new();
    for n in 0..10_000 {
        writeln!(text, "@hosts {} action=BLOCK_DROP for 1h", address(n)).unwrap();
    }
    let begin = Instant::now();
    batch(&site, &text).expect(0, &[]);
    println!("10,000 decisions in {:?}", begin.elapsed());
    assert_eq!(
        (entries(&site, "hosts"), kept(&site).len()),
        (10_000, 10_000)
    );
    text.clear();
    for n in 1..10_000 {
        writeln!(text, "delete @hosts {}", address(n)).unwrap();
    }
    batch(&site, &text).expect(0, &[]);
    assert_eq!(entries(&site, "hosts"), 1);
    wait_for("changes in the log", &[10_000, 9_999], || logged(&daemon));
    let [line] = &kept(&site)[..] else { panic!() };
    assert!(
        line.starts_with("edge0 blocks entry @hosts 10.1.0.0 action=BLOCK_DROP until 2"),
        "{line}"
    );
    daemon.stop();
}

/// The numbers of decisions that were added and deleted, by the log. It has a line for the changes of each second.
fn logged(daemon: &Daemon) -> [u32; 2] {
    let mut sums = [0, 0];
    for line in daemon.lines_with("decisions: ") {
        let (_, numbers) = line.split_once("decisions: ").unwrap();
        for (sum, number) in sums.iter_mut().zip(numbers.split(", ")) {
            *sum += number.split_once(' ').unwrap().0.parse::<u32>().unwrap();
        }
    }
    sums
}

#[test]
fn wrong_lines_are_named_and_the_others_are_done() {
    let site = blocks();
    let daemon = start(&site, "    entry 198.51.100.0/24 action=BLOCK_DROP\n");
    let outcome = batch(
        &site,
        "# a comment\n\
         192.0.2.1 action=BLOCK_DROP\n\
         192.0.2.2 action=BLOCK_DROPP\n\
         \n\
         @hosts 192.0.2.3\n\
         @nothing 192.0.2.4 action=BLOCK_DROP\n\
         198.51.100.0/24 action=BLOCK_PASS\n\
         delete 192.0.2.5\n\
         192.0.2.6 action=BLOCK_DROP for ever\n\
         @hosts 192.0.2.7 action=BLOCK_DROP \"note=7\" # another\n\
         delete 192.0.2.1\n",
    );
    let corefile = site.folder.file("Corefile").display().to_string();
    outcome.expect(
        64,
        &[
            "-:3: action is enum block, 4 bytes; it takes BLOCK_NONE, BLOCK_DROP or BLOCK_PASS, not \"BLOCK_DROPP\"; did you mean BLOCK_DROP?",
            "-:5: no FIELD=VALUE after KEY; write [@MAP] KEY FIELD=VALUE… [for DURATION]",
            "-:6: no map nothing; name @few, @hosts, @recent or @xdp_map",
            &format!("-:7: 198.51.100.0/24 is given by {corefile}:6; change it there, and reload"),
            "-:8: no decision about 192.0.2.5/32 in xdp_map",
            "-:9: \"ever\" is not a duration such as 60s or 24h",
        ],
    );
    assert_eq!(
        kept(&site),
        ["edge0 blocks entry @hosts 192.0.2.7 action=BLOCK_DROP note=7"]
    );
    assert_eq!((entries(&site, "xdp_map"), entries(&site, "hosts")), (1, 1));
    // Nothing is sent, so no daemon is asked.
    daemon.stop();
    batch(&site, "192.0.2.2\n").refuses(64, &["-:1: no FIELD=VALUE"]);
    batch(&site, "").expect(0, &[]);
    let mut closed: Command = site.deciding(&["add", "-"]);
    closed.stdin(Stdio::null());
    batch(&site, "192.0.2.2 action=BLOCK_DROP\n").refuses(69, &["no daemon listens at control"]);
}

/// A reload replaces one of two maps while a client deletes decisions about both.
#[test]
fn batch_goes_on_in_the_maps_of_a_reload() {
    let site = blocks();
    site.add_wire("edge1", "cli1");
    let two = |object: &str| {
        let second = corefile("").replace("edge0", "edge1");
        let second = second.replace("  prometheus\n", "");
        let both = corefile("") + &second.replacen(". {", "lan {", 1);
        both.replacen("blocks.o", object, 1)
    };
    compile_with("blocks", &site.folder.file("other"), &["-DENTRIES=8"]);
    let daemon = site.run(&two("blocks.o")).attached(2);
    let (mut added, mut deleted) = (String::new(), String::new());
    for n in 0..10_000 {
        let address = format!("@hosts 10.1.{}.{}", n / 256, n % 256);
        writeln!(added, "{address} action=BLOCK_DROP").unwrap();
        writeln!(deleted, "delete {address}").unwrap();
    }
    batch(&site, &added).expect(0, &[]);
    let mut client = site.deciding(&["add", "-"]);
    let client = thread::spawn(move || finish_with(&mut client, &deleted));
    wait_until("the client has announced its changes", || {
        let is_pending = kept(&site)[0].ends_with(" pending");
        is_pending.then_some(()).ok_or(())
    });
    site.folder.write("Corefile", &two("other/blocks.o"));
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    client.join().unwrap().expect(0, &[]);
    assert_eq!((kept(&site).len(), entries(&site, "hosts")), (0, 0));
    daemon.stop();
}
