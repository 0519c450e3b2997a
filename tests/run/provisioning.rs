//! Provisioning runs with good and wrong Corefiles: `tests/provisioning/provision.sh`, and its Ansible counterpart
//! `tests/provisioning/corexdp.yml`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use support::net::{Corexdp, Daemon, Outcome, SERVER, Site};
use support::objects::compile::compile;

/// A Corefile that filters `interface` with this object and contains the line `more`.
fn corefile(object: &str, interface: &str, more: &str) -> String {
    format!(
        ". {{\nprometheus\nebpf {{\nelf {object}\nif {interface}\nmap 0A0B0000.FFFF0000.00000000\n\
         counter dropped_total 0 count \"Dropped.\"\n{more}\n}}\n}}\n"
    )
}

fn provision(site: &Site, corefile: &str) -> Outcome {
    let command = Corexdp::command(site.folder.path(), &[]);
    provision_by(command.get_program(), site, corefile)
}

/// Runs the script with another program in place of `corexdp`.
fn provision_by(program: &OsStr, site: &Site, corefile: &str) -> Outcome {
    site.folder.write("Corefile.new", corefile);
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/provisioning/provision.sh"
    );
    let mut command = Command::new(script);
    command.args(["Corefile.new", "control"]);
    command.current_dir(site.folder.path());
    command.env("COREXDP", program);
    site.finish(&mut command)
}

fn start() -> (Site, Daemon) {
    let site = Site::new();
    let daemon = site.run(&corefile("example.o", SERVER, "")).attached(1);
    (site, daemon)
}

/// The JSON in the last line of the output.
fn json(outcome: &Outcome) -> Value {
    let text = outcome.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"))
}

#[test]
fn good_corefile_is_kept_and_reported() {
    let (site, daemon) = start();
    site.add_wire("edge1", "far1");
    let more = "}\nebpf {\nelf example.o\nif edge1\nexit detach";
    let outcome = provision(&site, &corefile("example.o", SERVER, more));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let status = json(&outcome);
    let interfaces: Vec<_> = status["filters"].as_array().unwrap().iter().collect();
    assert_eq!(interfaces.len(), 2, "{status}");
    for (filter, name) in interfaces.iter().zip([SERVER, "edge1"]) {
        assert_eq!(
            (&filter["interface"], &filter["mode"]),
            (&name.into(), &"native".into())
        );
    }
    assert_eq!(status["confirm_within"], Value::Null);
    assert_eq!(status["last_reload"]["result"], "success");
    daemon.stop();
}

#[test]
fn each_failure_has_its_exit_code_and_changes_nothing() {
    let (site, daemon) = start();
    compile("unverifiable", site.folder.path());
    site.folder.write("text.o", "no object");
    let before = site.filter();
    let running = corefile("example.o", SERVER, "");
    for (code, what, wrong) in [
        (
            78,
            "a directive",
            corefile("example.o", SERVER, "frobnicate"),
        ),
        (78, "a size", corefile("example.o", SERVER, "map 00")),
        (66, "a file that is missing", corefile("none.o", SERVER, "")),
        (
            65,
            "a file that is not an object",
            corefile("text.o", SERVER, ""),
        ),
        (
            65,
            "a program that the verifier refuses",
            format!(". {{\nebpf {{\nelf unverifiable.o\nif {SERVER}\n}}\n}}\n"),
        ),
        (
            69,
            "an interface that is missing",
            corefile("example.o", "edge7", ""),
        ),
    ] {
        let outcome = provision(&site, &wrong);
        assert_eq!(outcome.code, Some(code), "{what}: {outcome:#?}");
        // `check` finds mistakes in the Corefile, `reload` the errors that only the kernel reports.
        if outcome.stderr.is_empty() {
            let errors = json(&outcome)["errors"].as_array().unwrap().clone();
            assert_eq!(errors[0]["file"], "Corefile.new", "{what}");
        } else {
            let new = site.folder.file("Corefile.new");
            let place = format!("{}:", new.display());
            assert!(outcome.stderr.starts_with(&place), "{outcome:#?}");
        }
        assert_eq!(site.filter(), before, "{what}");
        let kept = std::fs::read_to_string(site.folder.file("Corefile")).unwrap();
        assert_eq!(kept, running, "{what}");
    }
    // No daemon answers.
    daemon.stop();
    assert_eq!(provision(&site, &running).code, Some(69));
    assert_eq!(site.attached(), None);
    // `run` fails without privilege, and with an unknown option.
    assert_eq!(site.finish(&mut site.powerless()).code, Some(77));
    assert_eq!(
        site.finish(&mut site.command("run", &["--frobnicate"]))
            .code,
        Some(64)
    );
}

/// A reload accepts the address, since it may appear later; but a box that cannot be scraped is not provisioned.
#[test]
fn unavailable_address_is_rolled_back() {
    let (site, daemon) = start();
    let running = corefile("example.o", SERVER, "");
    let absent = running.replace("prometheus", "prometheus 192.0.2.200:9153");
    let outcome = provision(&site, &absent);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let kept = std::fs::read_to_string(site.folder.file("Corefile")).unwrap();
    assert_eq!(kept, running);
    daemon.line("not confirmed in time");
    daemon.nth_line(1, "page: http://127.0.0.1:9153/");
    assert_eq!(site.get("/metrics").status, 200);
    daemon.stop();
}

/// The script is killed while the new filters are on trial, as by a terminal that closes, and then the box loses its power.
#[test]
fn script_that_is_killed_leaves_the_old_corefile() {
    let (site, daemon) = start();
    let running = corefile("example.o", SERVER, "");
    let real = Corexdp::command(site.folder.path(), &[]);
    let real = real.get_program().to_str().unwrap();
    let program = site.folder.file("corexdp");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != status ] || {{ kill -KILL \"$PPID\"; exit 1; }}\nexec {real} \"$@\"\n"
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let new = corefile("example.o", SERVER, "map 0A0C0000.FFFF0000.00000000");
    let outcome = provision_by(program.as_os_str(), &site, &new);
    assert_eq!(outcome.code, None, "{outcome:#?}");
    daemon.line("Corefile.new is on trial");
    daemon.kill();
    let kept = fs::read_to_string(site.folder.file("Corefile")).unwrap();
    assert_eq!(kept, running);
    site.start(&[]).attached(1).stop();
}

/// Runs the playbook against this machine in the network namespace of `site`. Returns its exit code and its output.
fn play(site: &Site, corefile: &str) -> (Option<i32>, String) {
    const HERE: &str = env!("CARGO_MANIFEST_DIR");
    site.folder.write("sent", corefile);
    let folder = site.folder.path();
    let program = Corexdp::command(folder, &[]).get_program().to_owned();
    let variables = serde_json::json!({
        "corefile": folder.join("sent"),
        "corexdp": program.to_string_lossy(),
        "folder": folder,
        "control": folder.join("control"),
        "ansible_connection": "local",
        "ansible_python_interpreter": format!("{HERE}/target/venv/bin/python"),
    });
    let mut command = Command::new(format!("{HERE}/target/venv/bin/ansible-playbook"));
    command.args(["-i", "localhost,", "-e", &variables.to_string()]);
    command.arg(format!("{HERE}/tests/provisioning/corexdp.yml"));
    command.current_dir(folder);
    command.env("LC_ALL", "C.UTF-8").env("HOME", folder);
    // Not `finish`: a playbook starts a process for each task and may take longer than `PATIENCE`.
    let output = site.server.enter(|| command.output()).unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
fn playbook_keeps_a_good_corefile_and_rolls_back_a_bad_one() {
    let (site, daemon) = start();
    let good = corefile("example.o", SERVER, "map 0A0C0000.FFFF0000.00000000");
    let (code, output) = play(&site, &good);
    assert_eq!(code, Some(0), "{output}");
    let running = || std::fs::read_to_string(site.folder.file("Corefile")).unwrap();
    assert_eq!(running(), good);

    // `check` finds the first mistake, only the kernel the second.
    let before = site.filter();
    for wrong in ["frobnicate", "}\nebpf {\nelf example.o\nif edge7"] {
        let (code, output) = play(&site, &corefile("example.o", SERVER, wrong));
        assert_eq!(code, Some(2), "{output}");
        assert_eq!((running(), site.filter()), (good.clone(), before.clone()));
    }
    daemon.stop();
}
