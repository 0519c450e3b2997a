//! `make demo`, with the binary of this build and the objects that `make build` puts into `target/bpf/`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::path::Path;
use std::process::Command;

#[test]
fn every_step_of_the_demo_has_its_expected_result() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo.sh");
    let output = Command::new(script)
        .env("COREXDP", env!("CARGO_BIN_EXE_corexdp"))
        .output()
        .expect("tests/demo.sh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{output:?}");
    for verdict in ["answered", "not answered"] {
        let line = format!("192.0.2.66  www.example A? {verdict}: ");
        assert!(text.contains(&line), "no {line:?} in {text}");
    }
}
