//! Builds `libelf.a` and `libz.a`, and adds their folder to the search path of the linker.
//!
//! bpf-sys links `-lelf -lz`, shared or static. The linker finds these archives before the libraries of the system, so the
//! device needs neither library.

fn main() {
    for (archive, source) in [("elf", "stubs/libelf.c"), ("z", "stubs/libz.c")] {
        println!("cargo:rerun-if-changed={source}");
        cc::Build::new()
            .file(source)
            .include("stubs")
            .cargo_metadata(false)
            .compile(archive);
    }
    println!("cargo:rerun-if-changed=stubs/stub.h");
    if let Ok(folder) = std::env::var("OUT_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
}
