//! The packages of Buildroot and Yocto match the source: version, crates, capacities, paths, files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use corexdp::base::capacity::TABLE;

const PACKAGE: &str = "buildroot/package/corexdp";
const RECIPE: &str = "yocto-layer/meta-corexdp/recipes-connectivity/corexdp";

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(path("."))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn packages_have_the_version_of_cargo_toml() {
    let version = env!("CARGO_PKG_VERSION");
    let package = read(&format!("{PACKAGE}/corexdp.mk"));
    assert!(package.contains(&format!("\nCOREXDP_VERSION = {version}\n")));
    assert!(path(&format!("{RECIPE}/corexdp_{version}.bb")).exists());
}

/// clippy refuses features of newer versions.
#[test]
fn documents_have_the_rust_version_of_cargo_toml() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(read("README.md").contains(&format!("\nTo build: Rust {version}, ")));
    assert!(read("tests/fuzz/Cargo.toml").contains(&format!("rust-version = \"{version}\"")));
}

#[test]
fn recipe_has_the_crates_and_checksums_of_cargo_lock() {
    let expected = run("yocto-layer/crates.sh", &[]);
    assert_eq!(read(&format!("{RECIPE}/corexdp-crates.inc")), expected);
    // The script omits local packages, which have no checksum.
    let lock = read("Cargo.lock");
    let packages = lock.matches("[[package]]").count();
    assert_eq!(expected.matches("crate://").count(), packages - 5);
    assert_eq!(expected.matches(".sha256sum]").count(), packages - 5);
    for name in [
        "bindgen\"\nversion = \"0.59",
        "corexdp",
        "elf-stubs",
        "goblin",
        "support",
    ] {
        assert_eq!(
            lock.matches(&format!("name = \"{name}")).count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn packages_have_an_option_for_each_capacity() {
    let options = read(&format!("{PACKAGE}/Config.in"));
    let package = read(&format!("{PACKAGE}/corexdp.mk"));
    let recipe = read(&format!(
        "{RECIPE}/corexdp_{}.bb",
        env!("CARGO_PKG_VERSION")
    ));
    let (image, lint) = (read("cross/Cross.toml"), read("yocto-layer/oelint.json"));
    let count = TABLE.len();
    assert_eq!(options.matches("\tint ").count(), count);
    assert_eq!(recipe.matches("export COREXDP_MAX_").count(), count);
    for capacity in TABLE {
        let (name, default) = (capacity.name, capacity.default);
        let option = options
            .split_once(&format!("config BR2_PACKAGE_COREXDP_{name}\n"))
            .unwrap_or_else(|| panic!("no option {name}"))
            .1;
        let option = option.split("\nconfig ").next().unwrap();
        assert!(option.contains(&format!("\tdefault {default}\n")), "{name}");
        for list in [&image, &lint] {
            assert!(list.contains(&format!("\"COREXDP_{name}\"")), "{name}");
        }
        assert!(
            package.contains(&format!("\t{}", name.trim_start_matches("MAX_"))),
            "{name}"
        );
        assert!(
            recipe.contains(&format!("\nCOREXDP_{name} ??= \"{default}\"\n"))
                && recipe.contains(&format!("\nexport COREXDP_{name}\n")),
            "{name}"
        );
    }
}

#[test]
fn packages_compile_each_program_with_the_flags_of_make() {
    let options = read(&format!("{PACKAGE}/Config.in"));
    let package = read(&format!("{PACKAGE}/corexdp.mk"));
    let recipe = read(&format!(
        "{RECIPE}/corexdp_{}.bb",
        env!("CARGO_PKG_VERSION")
    ));
    let names = support::shipped_programs();
    assert!(recipe.contains(&format!("COREXDP_OBJECTS ?= \"{}\"", names.join(" "))));
    for name in names {
        let option = format!("BR2_PACKAGE_COREXDP_{}", name.to_uppercase());
        assert!(options.contains(&format!("config {option}\n\tbool \"{name}\"\n")));
        assert!(package.contains(&format!("COREXDP_OBJECTS-$({option}) += {name}\n")));
    }
    let flags = "-O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v2";
    for text in [read("Makefile"), package, recipe] {
        let joined = text.split_whitespace().filter(|word| *word != "\\");
        assert!(joined.collect::<Vec<_>>().join(" ").contains(flags));
    }
}

/// The action for fail2ban and the script for `CrowdSec` are in the packages, where the manual says.
#[test]
fn packages_install_the_files_for_banning_programs() {
    let package = read(&format!("{PACKAGE}/corexdp.mk"));
    let recipe = read(&format!(
        "{RECIPE}/corexdp_{}.bb",
        env!("CARGO_PKG_VERSION")
    ));
    let manual = read("src/man/corexdp.8");
    for (name, installed) in [("corexdp.conf", "/fail2ban.conf"), ("crowdsec.sh", "/")] {
        let source = format!("tests/provisioning/{name}");
        assert!(!read(&source).is_empty());
        let install = format!("${{S}}/{source} ${{D}}${{datadir}}/corexdp{installed}\n");
        assert!(recipe.contains(&install), "{name}");
        assert!(manual.contains(&source), "{name}");
    }
    assert!(package.contains("$(if $(BR2_PACKAGE_FAIL2BAN),"));
    assert!(package.contains("$(TARGET_DIR)/etc/fail2ban/action.d/corexdp.conf"));
    assert!(manual.contains("/etc/fail2ban/action.d/corexdp.conf"));
}

#[test]
fn unit_and_init_script_have_the_paths_of_the_manual() {
    let unit = read(&format!("{PACKAGE}/corexdp.service"));
    let script = read(&format!("{PACKAGE}/S60corexdp"));
    let manual = read("src/man/corexdp.8");
    let corefile = "/etc/corexdp/Corefile";
    for (name, text) in [("unit", &unit), ("script", &script)] {
        assert!(text.contains(&format!("-conf {corefile}")), "{name}");
    }
    assert!(manual.contains(corefile));
    assert!(read("src/man/corexdp.8").contains("/run/corexdp.sock"));
    assert!(unit.contains("ExecStart=/usr/sbin/corexdp run "));
    assert!(script.contains("\"/usr/sbin/$DAEMON\" run "));
    // The daemon and the page's worker need these calls, which older systemd has in no group.
    for call in ["bpf", "seccomp", "landlock_restrict_self"] {
        let filter = unit
            .lines()
            .find(|line| line.starts_with("SystemCallFilter="));
        assert!(filter.unwrap().contains(&format!(" {call}")), "{call}");
    }
    // Unit and script treat the same exit codes as permanent failures.
    let codes = "64 65 66 77 78";
    assert!(unit.contains(&format!("RestartPreventExitStatus={codes}\n")));
    assert!(script.contains(&format!("0 | {} |", codes.replace(' ', " | "))));
}

#[test]
fn buildroot_and_yocto_ship_the_same_files() {
    for (one, other) in [
        (format!("{PACKAGE}/corexdp.service"), "corexdp.service"),
        (format!("{PACKAGE}/S60corexdp"), "corexdp.init"),
        (
            "buildroot/board/corexdp/rootfs-overlay/etc/corexdp/Corefile".to_owned(),
            "Corefile",
        ),
    ] {
        assert_eq!(
            read(&one),
            read(&format!("{RECIPE}/files/{other}")),
            "{one}"
        );
    }
    // Both enable the same kernel options.
    let fragment = read("yocto-layer/meta-corexdp/recipes-kernel/linux/files/corexdp.cfg");
    let fixups: String = read(&format!("{PACKAGE}/corexdp.mk"))
        .lines()
        .filter_map(|line| line.trim().strip_prefix("$(call KCONFIG_ENABLE_OPT,"))
        .map(|option| option.replace(')', "=y\n"))
        .collect();
    assert_eq!(fixups, fragment);
}

#[test]
fn packages_have_the_hashes_of_the_licence_files() {
    let hashes = read(&format!("{PACKAGE}/corexdp.hash"));
    let recipe = read(&format!(
        "{RECIPE}/corexdp_{}.bb",
        env!("CARGO_PKG_VERSION")
    ));
    let package = read(&format!("{PACKAGE}/corexdp.mk"));
    for file in [
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "bpf/LICENSE.BSD-2-Clause",
        "bpf/LICENSE.GPL-2.0",
    ] {
        let sum = run("sha256sum", &[file]);
        let sha256 = sum.split(' ').next().unwrap();
        assert!(
            hashes.contains(&format!("sha256  {sha256}  {file}\n")),
            "{file}"
        );
        let sum = run("md5sum", &[file]);
        let md5 = sum.split(' ').next().unwrap();
        assert!(
            recipe.contains(&format!("file://{file};md5={md5} ")),
            "{file}"
        );
        assert!(package.contains(file), "{file}");
    }
}

#[test]
fn check_accepts_the_corefile_of_the_images() {
    let folder = std::env::temp_dir().join(format!("corexdp-packaging-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let objects = path("target/bpf").display().to_string();
    let text = read(&format!("{RECIPE}/files/Corefile")).replace("/usr/lib/corexdp", &objects);
    fs::write(folder.join("Corefile"), text).unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_corexdp"))
        .args(["check", "-conf"])
        .arg(folder.join("Corefile"))
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn release_archive_excludes_the_packages() {
    let listed = run(
        "git",
        &[
            "check-attr",
            "export-ignore",
            "buildroot/package/corexdp/corexdp.hash",
            "buildroot/package/corexdp/corexdp.service",
            "yocto-layer",
            "src",
        ],
    );
    assert_eq!(
        listed,
        "buildroot/package/corexdp/corexdp.hash: export-ignore: set\n\
         buildroot/package/corexdp/corexdp.service: export-ignore: unset\n\
         yocto-layer: export-ignore: set\n\
         src: export-ignore: unspecified\n"
    );
}

#[test]
fn options_have_the_order_of_the_buildroot_manual() {
    let order = [
        "bool", "int", "string", "default", "range", "depends", "select", "help",
    ];
    let mut last = 0;
    for line in read(&format!("{PACKAGE}/Config.in")).lines() {
        let Some(attribute) = line.strip_prefix('\t') else {
            last = 0;
            continue;
        };
        assert!(line.len() <= 80, "{line}");
        if attribute.starts_with(['#', ' ', '\t']) {
            continue;
        }
        let word = attribute.split(' ').next().unwrap();
        let at = order.iter().position(|&known| known == word);
        // A helper symbol has `depends` after its defaults, as in Buildroot.
        let at = at.unwrap_or_else(|| panic!("{line}"));
        assert!(at >= last, "{line}");
        last = at;
    }
}

#[test]
fn makefiles_have_the_header_and_tabs_of_buildroot() {
    let text = read(&format!("{PACKAGE}/corexdp.mk"));
    let rule = "#".repeat(80);
    assert!(text.starts_with(&format!("{rule}\n#\n# corexdp\n#\n{rule}\n\n")));
    assert!(text.ends_with("$(eval $(cargo-package))\n"));
    for line in text.lines() {
        assert!(
            !line.starts_with(' ') && line == line.trim_end(),
            "{line:?}"
        );
    }
    for line in read(&format!("{PACKAGE}/corexdp.hash")).lines() {
        let fields: Vec<_> = line.split("  ").collect();
        assert!(line.starts_with('#') || fields.len() == 3, "{line}");
    }
}
