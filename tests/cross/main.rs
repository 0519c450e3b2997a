//! The images of cross have the compiler and the variables of `cross/dist.sh`. The tests read the Dockerfiles, and
//! start no container.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

type Variables = BTreeMap<String, String>;

/// Each target with the `e_machine` of its ELF files.
const TARGETS: [(&str, u8); 2] = [
    ("x86_64-unknown-linux-musl", 62),
    ("aarch64-unknown-linux-musl", 183),
];

/// The last call comes from libunwind, which a static musl std of rustup needs too.
const PROGRAM: &str = "
#include <stdio.h>
#include <unwind.h>

static _Unwind_Reason_Code stop(struct _Unwind_Context *frame, void *argument)
{
	return _URC_END_OF_STACK;
}

int main(void)
{
	puts(\"hello\");
	return _Unwind_Backtrace(stop, NULL) < 0;
}
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .canonicalize()
        .unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A new folder under target/tmp.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The folder of Zig in target/venv.
fn zig_folder() -> String {
    let python = root().join("target/venv/bin/python");
    let output = Command::new(&python)
        .args(["-c", "import ziglang; print(*ziglang.__path__)"])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }
        failed => panic!(
            "{} has no ziglang; run tests/setup.sh test: {failed:?}",
            python.display()
        ),
    }
}

/// Replaces the paths of an image with the paths of this machine.
fn with_local_paths(value: &str) -> String {
    let dist = root().join("target/dist");
    value
        .replace("/opt/ziglang", &zig_folder())
        .replace(
            "/usr/local/bin/zig-cc",
            &root().join("cross/zig-cc").display().to_string(),
        )
        .replace("/opt/include", &dist.join("include").display().to_string())
        .replace("/tmp/zig", &dist.join("zig").display().to_string())
}

/// Words of a line of a Dockerfile. A word in double quotes may have spaces.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The variables that the Dockerfile of `target` sets, with the paths of this machine.
fn image_variables(target: &str) -> Variables {
    let text = read(&format!("cross/Dockerfile.{target}")).replace("\\\n", "");
    let assignments = text.lines().filter_map(|line| line.strip_prefix("ENV "));
    assignments
        .flat_map(words)
        .map(|word| {
            let (name, value) = word.split_once('=').expect("an ENV word is NAME=VALUE");
            (name.to_owned(), with_local_paths(value))
        })
        .collect()
}

/// The variables that `cross/dist.sh` exports to cargo. The stand-in for cargo prints its environment and fails, so
/// the script ends before it writes into dist/.
fn dist_variables(target: &str) -> Variables {
    let folder = scratch(&format!("cross-dist-{target}"));
    let (cargo, printed) = (folder.join("cargo"), folder.join("environment"));
    let script = "#!/bin/sh\n[ \"$1\" = build ] || exit 0\nenv >\"${0%/*}/environment\"\nexit 1\n";
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let inherited = [
        "PATH",
        "HOME",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
    ];
    let output = Command::new(root().join("cross/dist.sh"))
        .arg(target)
        .env_clear()
        .envs(
            inherited
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?))),
        )
        .env("CARGO", &cargo)
        .output()
        .expect("cross/dist.sh runs");
    let text = fs::read_to_string(&printed)
        .unwrap_or_else(|error| panic!("dist.sh did not reach cargo: {error}: {output:?}"));
    let from_shell = ["CARGO", "PWD", "OLDPWD", "SHLVL", "_"];
    text.lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| !inherited.contains(name) && !from_shell.contains(name))
        .map(|(name, value)| (name.to_owned(), value.replace('\'', "")))
        .collect()
}

#[test]
fn images_have_the_zig_of_the_tests() {
    let setup = read("tests/setup.sh");
    let version = setup
        .lines()
        .find_map(|line| line.strip_prefix("test,bench,dist ziglang "))
        .expect("tests/setup.sh installs ziglang");
    for (target, _) in TARGETS {
        let text = read(&format!("cross/Dockerfile.{target}"));
        assert!(text.contains(&format!(" ziglang=={version} ")), "{target}");
    }
}

#[test]
fn images_have_the_variables_of_dist() {
    for (target, _) in TARGETS {
        let mut image = image_variables(target);
        let mut dist = dist_variables(target);

        // The flags of dist.sh contain those of the image: the std that rustup installs keeps its unwind tables.
        let upper = target.to_uppercase().replace('-', "_");
        let flags = image
            .remove(&format!("CARGO_TARGET_{upper}_RUSTFLAGS"))
            .expect("the image sets flags for rustc");
        let dist_flags = dist.remove("CARGO_ENCODED_RUSTFLAGS").unwrap();
        for flag in flags.split(' ') {
            assert!(
                dist_flags.split('\x1f').any(|known| known == flag),
                "{flag}"
            );
        }

        // Without an installed std, dist.sh builds one and an unwinder with it. cross never does.
        assert_eq!(
            image.remove("UNWIND").as_deref(),
            Some("-lunwind"),
            "{target}"
        );
        assert!(dist.remove("UNWIND").is_some());
        for name in ["RUSTC", "RUSTC_BOOTSTRAP", "CARGO_TARGET_DIR"] {
            dist.remove(name);
        }
        assert_eq!(image, dist, "{target}");
    }
}

#[test]
fn program_links_with_only_the_variables_of_an_image() {
    for (target, machine) in TARGETS {
        let folder = scratch(&format!("cross-link-{target}"));
        let (source, program) = (folder.join("hello.c"), folder.join("hello"));
        fs::write(&source, PROGRAM).unwrap();
        let variables = image_variables(target);
        let upper = target.to_uppercase().replace('-', "_");
        let linker = &variables[&format!("CARGO_TARGET_{upper}_LINKER")];
        // rustc passes these options and libraries to link a static binary at fixed addresses.
        let output = Command::new(linker)
            .arg(&source)
            .args(["-static", "-no-pie", "-lunwind", "-lc", "-o"])
            .arg(&program)
            .env_clear()
            .envs(&variables)
            .env("PATH", env::var_os("PATH").unwrap())
            .output()
            .unwrap_or_else(|error| panic!("{linker}: {error}"));
        assert!(output.status.success(), "{target}: {output:?}");
        let elf = fs::read(&program).unwrap();
        assert_eq!(elf[18], machine, "{target}: e_machine");
    }
}
