//! Filters that are not sampled, by request or of necessity.

use serde_json::Value;

use corexdp::control::SampleRequest;
use corexdp::object::frame::sample::ALL_VERDICTS;

use super::{UNLIMITED, by_verdict, open, raw, read_packets, request};
use crate::status::json;
use crate::verdicts::{corefile, frame_from, quiet_site, start};
use support::net::Sender;
use support::objects::compile::compile_with;
use support::wait::wait_until;

#[cfg(feature = "faults")]
use {
    super::{counted, everything, is_off},
    crate::verdicts::send_each_verdict,
    corexdp::kernel::describe,
    nix::errno::Errno,
    support::net::Daemon,
    support::wait::wait_for,
};

#[test]
fn chosen_interface_alone_is_sampled() {
    let site = quiet_site();
    site.add_wire("edge1", "cli1");
    compile_with("verdicts", site.folder.path(), &[]);
    let both = ["edge0", "edge1"].map(|name| corefile("verdicts", "").replace("edge0", name));
    let daemon = site
        .run(&both.concat().replacen("prometheus", "", 1))
        .attached(2);
    let one = SampleRequest {
        interface: "edge1".try_into().ok(),
        ..request(ALL_VERDICTS, 1, UNLIMITED)
    };
    let mut samples = open(&site, &one);
    let names: Vec<_> = samples
        .stages()
        .iter()
        .map(|stage| stage.interface.clone())
        .collect();
    assert_eq!(names, ["edge1"]);
    site.sender().send(&frame_from(2), 3);
    Sender::new(&site.client, "cli1").send(&frame_from(1), 1);
    let seen = read_packets(&mut samples, 1);
    assert_eq!(by_verdict(&seen), [("drop", 1)].into());
    drop(samples);
    let missing = SampleRequest {
        interface: "edge7".try_into().ok(),
        ..one
    };
    let answers = wait_until("the session has ended", || {
        let answers = raw(&site, &format!("sample {missing}"));
        let is_taken = answers[0].contains("samples already");
        if is_taken { Err(answers) } else { Ok(answers) }
    });
    assert_eq!(
        answers,
        [
            "eedge7: no filter; `corexdp status` shows the filtered interfaces",
            "xE"
        ]
    );
    daemon.stop();
}

#[test]
fn program_without_frame_cannot_be_sampled() {
    let (site, daemon) = start(&["-DBYTES=509"], "");
    let answers = raw(&site, "sample 63 1 1");
    assert_eq!(
        answers,
        ["eno filter can be sampled; the log says why", "xE"]
    );
    assert_eq!(json(&site, &[])["filters"][0]["samples_lost"], Value::Null);
    daemon.stop();
}

#[cfg(feature = "faults")]
#[test]
fn kernel_without_ring_buffers_only_counts() {
    let site = quiet_site();
    compile_with("verdicts", site.folder.path(), &[]);
    site.folder
        .write("Corefile", &corefile("verdicts", "exit hold"));
    let mut command = site.command("run", &[]);
    // The second map is the template of the ring buffer.
    command.env("COREXDP_FAULT", "map_create:EINVAL:2");
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    daemon.line("edge0: packets cannot be sampled: map frame.ring (ringbuf)");
    send_each_verdict(&site);
    wait_for("the counters", &28, || counted(&site));
    let unsampled = ["eno filter can be sampled; the log says why", "xE"];
    assert_eq!(raw(&site, "sample 63 1 1"), unsampled);
    assert!(
        !site
            .get("/metrics")
            .body
            .contains("corexdp_samples_lost_total{")
    );
    let filter = site.filter();
    daemon.stop();
    let daemon = site.start(&[]).attached(1);
    daemon.line("packets cannot be sampled: the adopted program has no samples");
    assert_eq!(site.filter(), filter);
    assert_eq!(raw(&site, "sample 63 1 1"), unsampled);
    site.folder.write("Corefile", ". {\n}\n");
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

#[cfg(feature = "faults")]
#[test]
fn failed_session_leaves_samples_off() {
    // The ring buffer is the fifth map, after three of the frame and a template. The start updates no map.
    for (fault, what) in [
        ("map_create:ENOMEM:5", "cannot create a ring buffer"),
        ("map_update:ENOMEM:1", "cannot switch samples on"),
        ("map_update:ENOMEM:2", "cannot switch samples on"),
        ("map_update:ENOMEM:3", "cannot switch samples on"),
    ] {
        let site = quiet_site();
        compile_with("verdicts", site.folder.path(), &[]);
        site.folder.write("Corefile", &corefile("verdicts", ""));
        let mut command = site.command("run", &[]);
        command.env("COREXDP_FAULT", fault);
        let daemon = site
            .server
            .enter(|| Daemon::spawn(&mut command))
            .attached(1);
        let answers = raw(&site, "sample 63 1 1");
        let error = format!("e{what}: {}", describe(Errno::ENOMEM));
        assert!(answers.contains(&error), "{fault}: {answers:?}");
        assert_eq!(answers.last().unwrap(), "xG");
        assert!(is_off(&site));
        // The next session succeeds.
        let mut samples = everything(&site);
        site.sender().send(&frame_from(2), 1);
        read_packets(&mut samples, 1);
        daemon.stop();
    }
}
