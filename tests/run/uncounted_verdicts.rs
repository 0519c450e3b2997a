//! Programs that the frame does not fit run without verdict counters. So do programs that a tail call reaches.

use serde_json::Value;

use crate::status::{ask, json};
use crate::verdicts::{VERDICTS, corefile, driver_counter, send_each_verdict, start, totals};
use support::net::Site;
use support::packets::frame::ip4;
use support::wait::wait_for;

/// Checks that the program runs without the frame, and that the log, the page and `status` say so.
fn expect_uncounted(options: &[&str], warning: &str) {
    let (site, daemon) = start(options, "exit hold");
    daemon.line(warning);
    let receiver = site.receiver();
    send_each_verdict(&site);
    let mut arrived = 0;
    wait_for("the packets that pass", &3, || {
        arrived += std::iter::from_fn(|| receiver.next()).count();
        arrived
    });
    let page = site.get("/metrics").body;
    assert!(!page.contains("corexdp_packets_total"), "{page}");
    assert!(site.get("/").body.contains("Verdicts are not counted"));
    assert_eq!(json(&site, &[])["filters"][0]["verdicts"], Value::Null);
    let text = ask(&site, &[]).stdout;
    let line = "\nedge0: verdicts are not counted; the log says why\n";
    assert!(text.contains(line), "{text}");
    // A reload without changes keeps the program, and so does the next daemon.
    let filter = site.filter();
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
    let daemon = site.start(&[]).attached(1);
    daemon.line("verdicts are not counted: ");
    assert_eq!(site.filter(), filter);
    daemon.stop();
    site.folder.write("Corefile", ". {\n}\n");
}

#[test]
fn program_without_free_stack_is_not_counted() {
    expect_uncounted(
        &["-DBYTES=509"],
        "warning: Corefile:5: elf: verdicts are not counted: the entry function leaves no 8 bytes of its stack free",
    );
}

/// The entry function and its callee together use all of the stack, which only the verifier detects.
#[test]
fn program_with_refused_frame_is_not_counted() {
    expect_uncounted(
        &["-DBYTES=480", "-DCALLEE_BYTES=32"],
        "warning: edge0: verdicts are not counted: the verifier refuses the program with counters",
    );
}

/// Another process fills the program array of the running program.
#[test]
fn verdict_of_a_tail_called_program_is_not_counted() {
    let (site, daemon) = start(&["-DTAIL_CALL"], "");
    // Loaded as the first is: recent kernels compare the attach types of both programs.
    let elsewhere = Site::new();
    let other = elsewhere.run(&corefile("example", "")).attached(1);
    let target = elsewhere.filter().id;
    let array = &site.filter().map("programs").shape["id"];
    site.server.run(&format!(
        "bpftool map update id {array} key 0 0 0 0 value id {target}"
    ));
    // verdicts.o drops this packet, and the program in the array passes it.
    let (frame, receiver) = (ip4("10.11.0.1").udp(53).bytes, site.receiver());
    let counted = |times: u64| {
        wait_for("packets that were dropped", &times, || {
            totals(&site, "verdicts")["drop"].0
        });
        let all = totals(&site, "verdicts");
        assert_eq!(
            VERDICTS.map(|verdict| all[verdict].0).iter().sum::<u64>(),
            times
        );
    };
    site.sender().send(&frame, 3);
    let mut arrived = 0;
    wait_for("packets that pass", &3, || {
        arrived += std::iter::from_fn(|| receiver.next()).count();
        arrived
    });
    counted(0);
    site.server
        .run(&format!("bpftool map delete id {array} key 0 0 0 0"));
    site.sender().send(&frame, 2);
    counted(2);
    wait_for("the packets of the driver", &5, || {
        driver_counter(&site, "xdp_packets")
    });
    daemon.stop();
    other.stop();
}
