#!/bin/sh
# Builds corexdp for one musl target, statically linked, and installs it with the XDP programs into dist/TARGET/. The
# same source gives the same bytes in every folder. `make dist` runs this script for both targets.
#
# Usage: cross/dist.sh x86_64-unknown-linux-musl|aarch64-unknown-linux-musl
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)
target=${1-}

case $target in
x86_64-unknown-linux-musl | aarch64-unknown-linux-musl) cpu=${target%%-*} ;;
*)
    echo 'usage: cross/dist.sh x86_64-unknown-linux-musl|aarch64-unknown-linux-musl' >&2
    exit 64
    ;;
esac

# Both targets share the build scripts of the host. `make build` has another folder.
export CARGO_TARGET_DIR="$root/target/dist"
headers=$CARGO_TARGET_DIR/include
cargo=${CARGO:-cargo}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
upper=$(echo "$target" | tr 'a-z-' 'A-Z_')
lower=$(echo "$target" | tr - _)

# Uses the std that the toolchain has for the target. Without one, builds std from Debian's source with Debian's compiler,
# since both must have the same version. A std built from source has no code to symbolize backtraces and needs no unwinder.
choose_std() {
    if [ -d "$(${RUSTC:-rustc} --print target-libdir --target "$target")" ]; then
        std=
        UNWIND=-lunwind
    else
        export RUSTC=/usr/bin/rustc
        # -Zbuild-std is unstable. RUSTC_BOOTSTRAP lets a stable compiler accept it.
        export RUSTC_BOOTSTRAP=1
        std='-Zbuild-std=std -Zbuild-std-features=optimize_for_size'
        UNWIND=$root/cross/runtime.c
    fi
}

# libbpf includes these four headers of libelf and zlib. The other headers of this machine do not fit the target.
collect_headers() {
    rm -rf "$headers"
    mkdir -p "$headers"
    for name in libelf.h gelf.h zlib.h zconf.h; do
        path=$(echo "#include <$name>" | "${HOST_CC:-cc}" -M -x c - | tr ' ' '\n' | grep "/$name\$")
        cp "$path" "$headers/"
    done
}

# Exports the variables that the make of bpf-sys, the cc crate, bindgen and rustc read.
export_zig() {
    zig=$("$root/target/venv/bin/python" -c 'import ziglang; print(*ziglang.__path__)')
    ZIG=$zig/zig
    ZIG_TARGET=$cpu-linux-musl
    export ZIG ZIG_TARGET UNWIND
    export ZIG_GLOBAL_CACHE_DIR="$CARGO_TARGET_DIR/zig" ZIG_LOCAL_CACHE_DIR="$CARGO_TARGET_DIR/zig"
    export CC="$root/cross/zig-cc" AR=llvm-ar CPATH="$headers" NO_PKG_CONFIG=1
    export "CC_$lower=$CC" "AR_$lower=$AR" "CARGO_TARGET_${upper}_LINKER=$CC"
    unset CFLAGS CPPFLAGS LDFLAGS "CFLAGS_$lower"

    bindgen="--target=$ZIG_TARGET"
    for folder in "$cpu-linux-musl" generic-musl "${cpu%_64}-linux-any" any-linux-any; do
        bindgen="$bindgen '-isystem$zig/lib/libc/include/$folder'"
    done
    export "BINDGEN_EXTRA_CLANG_ARGS_$lower=$bindgen"
}

# Prints one flag a line. cargo separates flags by 0x1f, so that paths may contain spaces.
rust_flags() {
    # Zig provides the C library and its start files, for every version of std.
    echo '-Clink-self-contained=no'
    # Fixed addresses save 48 KB of relocations and code. A panic aborts, so unwind tables have no use.
    echo '-Crelocation-model=static'
    echo '-Cforce-unwind-tables=no'
    # Sequences of instructions that recur become functions, as is the default for aarch64.
    [ "$cpu" != x86_64 ] || echo '-Cllvm-args=-enable-machine-outliner=always'
    # A function with its own frame addresses the stack by one byte instead of four.
    echo '-Cllvm-args=-inline-max-stacksize=256'
    # A value that is computed once before a loop needs a register or the stack through the whole loop.
    echo '-Cllvm-args=-disable-machine-licm'
    echo '-Cllvm-args=-disable-lsr'
    # So does a value that is computed once on several paths.
    echo '-Cllvm-args=-enable-pre=false'
    echo '-Cllvm-args=-disable-licm-promotion'
    # An entry of a table of addresses takes eight bytes on x86_64; a comparison with its jump takes five.
    echo '-Cllvm-args=-min-jump-table-entries=32'
    echo '-Cllvm-args=-switch-to-lookup=false'
    echo '-Clink-arg=-Wl,--no-eh-frame-hdr'
    # For a compiler that builds std. A panic, which no input causes, ends the process without a message; messages take
    # 45 KB. `{:?}` writes nothing, and clippy refuses it in src; derived `Debug` is for tests and takes 4 KB.
    if [ -n "$std" ]; then
        echo '-Zunstable-options'
        echo '-Cpanic=immediate-abort'
        echo '-Zfmt-debug=none'
    fi
    echo "--remap-path-prefix=$root=."
    for folder in "$cargo_home"/registry/src/*; do
        echo "--remap-path-prefix=$folder=crates"
    done
    for folder in /usr/lib/rustlib/src/rust/library /usr/src/rustc-*/library; do
        [ ! -d "$folder" ] || echo "--remap-path-prefix=$folder=std"
    done
}

build() {
    "$cargo" fetch --locked --target "$target"
    CARGO_ENCODED_RUSTFLAGS=$(rust_flags | tr '\n' '\037' | sed 's/.$//')
    export CARGO_ENCODED_RUSTFLAGS
    # shellcheck disable=SC2086 # $std has none or two options
    "$cargo" build --release --locked $std --target "$target" --bin corexdp
}

install_files() {
    rm -rf "dist/$target"
    mkdir -p "dist/$target"
    install -m 755 "$CARGO_TARGET_DIR/$target/release/corexdp" "dist/$target/"
    install -m 644 target/bpf/*.o target/bpf/*.Corefile "dist/$target/"
}

choose_std
collect_headers
export_zig
build
install_files
