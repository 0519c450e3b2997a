//! Makes `libelf.a` and `libz.a` and puts their folder on the linker's path.
//!
//! bpf-sys asks for `-lelf -lz` without saying which kind; these archives stand earlier on the path than the
//! system's, so neither library is needed on the device.

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
