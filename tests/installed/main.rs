//! Files that the packages of Buildroot and Yocto install. tests/appliance/packages.py runs the install commands of the
//! packages, and `make appliance` compares its images with the same lists.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use std::path::Path;
use std::process::Command;

use support::shipped_programs;

const INITS: [&str; 2] = ["sysv", "systemd"];

#[derive(Debug, PartialEq, Eq)]
struct Installed {
    mode: u32,
    owner: String,
    path: String,
}

/// Files that `package` installs for `init`, sorted by path.
fn installed(package: &str, init: &str) -> Vec<Installed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("tests/appliance/packages.py")
        .args([package, init, env!("CARGO_BIN_EXE_corexdp"), "target/bpf"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(parse).collect()
}

fn parse(line: &str) -> Installed {
    let words: Vec<_> = line.split(' ').collect();
    let [mode, owner, path] = words[..] else {
        panic!("{line}");
    };
    Installed {
        mode: u32::from_str_radix(mode, 8).unwrap(),
        owner: owner.to_owned(),
        path: path.to_owned(),
    }
}

#[test]
fn image_has_the_daemon_its_programs_and_its_service() {
    for init in INITS {
        let mut expected = vec![(0o755, "/etc/corexdp".to_owned())];
        if init == "sysv" {
            expected.push((0o755, "/etc/init.d/S60corexdp".to_owned()));
        }
        expected.push((0o755, "/usr/lib/corexdp".to_owned()));
        for name in shipped_programs() {
            expected.push((0o644, format!("/usr/lib/corexdp/{name}.o")));
        }
        if init == "systemd" {
            expected.push((0o644, "/usr/lib/systemd/system/corexdp.service".to_owned()));
        }
        expected.push((0o755, "/usr/sbin/corexdp".to_owned()));
        let found: Vec<_> = installed("buildroot", init)
            .into_iter()
            .map(|file| (file.mode, file.path))
            .collect();
        assert_eq!(found, expected, "{init}");
    }
}

/// In Buildroot, the board's overlay has the Corefile, and the name of an init script has its order.
#[test]
fn buildroot_and_yocto_install_the_same_files() {
    for init in INITS {
        let yocto: Vec<_> = installed("yocto", init)
            .into_iter()
            .filter(|file| file.path != "/etc/corexdp/Corefile")
            .map(|mut file| {
                file.path = file.path.replace("/init.d/corexdp", "/init.d/S60corexdp");
                file
            })
            .collect();
        assert_eq!(installed("buildroot", init), yocto, "{init}");
    }
}

#[test]
fn only_root_may_write_installed_files() {
    for package in ["buildroot", "yocto"] {
        for init in INITS {
            for file in installed(package, init) {
                assert_eq!(file.owner, "0:0", "{package}: {}", file.path);
                assert_eq!(file.mode & 0o7022, 0, "{package}: {}", file.path);
            }
        }
    }
}
