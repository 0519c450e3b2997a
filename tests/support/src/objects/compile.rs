//! Compiles the sources in `tests/objects` with clang, with the options that the manual gives users.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository;

/// The folder of the sources.
pub fn sources() -> PathBuf {
    repository().join("tests/objects")
}

/// Compiles `name` (such as `basic` or `wrong/tc`) into `dir` and returns the object's path.
pub fn compile(name: &str, dir: &Path) -> PathBuf {
    compile_with(name, dir, &[])
}

/// Like [`compile`], with further options after the usual ones.
pub fn compile_with(name: &str, dir: &Path, options: &[&str]) -> PathBuf {
    let source = sources().join(format!("{name}.bpf.c"));
    let object = dir.join(name.replace('/', "-")).with_extension("o");
    run_clang(&source, &object, options);
    object
}

/// Compiles C source that the test contains.
pub fn compile_text(text: &str, name: &str, dir: &Path, options: &[&str]) -> PathBuf {
    let source = dir.join(name).with_extension("c");
    std::fs::create_dir_all(dir).expect("the folder for objects can be made");
    std::fs::write(&source, text).expect("the source can be written");
    let object = dir.join(name).with_extension("o");
    run_clang(&source, &object, options);
    object
}

fn run_clang(source: &Path, object: &Path, options: &[&str]) {
    std::fs::create_dir_all(object.parent().expect("an object has a folder"))
        .expect("the folder for objects can be made");
    let clang = std::env::var_os("CLANG").unwrap_or_else(|| "clang".into());
    let headers = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(clang)
        .args(["-O2", "-g", "-Wall", "-target", "bpf", &headers])
        .args(options)
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(object)
        .output()
        .expect("clang runs; install clang and libbpf-dev");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {messages}", source.display());
}
