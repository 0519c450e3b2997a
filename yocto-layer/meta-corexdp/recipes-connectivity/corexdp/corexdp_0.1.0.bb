SUMMARY = "XDP packet filter in front of a DNS server"
DESCRIPTION = "Loads the XDP programs that a CoreDNS Corefile names, fills their maps, and serves their counters as metrics."
SECTION = "net"
# wrynose knows only these operators, not those of SPDX.
LICENSE = "(MIT | Apache-2.0) & (LGPL-2.1-only | BSD-2-Clause)"
LICENSE:${PN}-objects = "GPL-2.0-only | BSD-2-Clause"
LIC_FILES_CHKSUM = "\
    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSE-MIT;md5=20e5ac4ffb887679367653a98abdf4f4 \
    file://bpf/LICENSE.BSD-2-Clause;md5=54625dd469b70a49e872876fc6c0012a \
    file://bpf/LICENSE.GPL-2.0;md5=b234ee4d69f5fce4486a80fdaf4a4263 \
"
CVE_PRODUCT = "corexdp"

# bindgen needs libclang, libbpf includes headers of elfutils and zlib. The crate elf-stubs replaces both libraries, so the
# target needs neither.
DEPENDS = "clang-native elfutils llvm-native zlib"

# The URL of a release tarball, whose checksum is SRC_URI[release.sha256sum]. If empty, the source is the checkout that
# contains this layer.
COREXDP_RELEASE_URI ??= ""

SRC_URI = "\
    ${@d.expand('${COREXDP_RELEASE_URI};name=release') if d.getVar('COREXDP_RELEASE_URI') else ''} \
    file://Corefile \
    file://corexdp.init \
    file://corexdp.service \
"

require ${BPN}-crates.inc

inherit bash-completion cargo externalsrc systemd update-rc.d

EXTERNALSRC = "${@'' if d.getVar('COREXDP_RELEASE_URI') else os.path.realpath(d.expand('${THISDIR}/../../../..'))}"

COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"

# Capacities, which build.rs compiles into the binary.
COREXDP_MAX_FILTERS ??= "16"
COREXDP_MAX_STAGES ??= "8"
COREXDP_MAX_METRICS ??= "256"
COREXDP_MAX_DECISIONS ??= "65536"
COREXDP_MAX_KEY ??= "256"
COREXDP_MAX_VALUE ??= "1024"
COREXDP_MAX_TABLE ??= "67108864"
COREXDP_MAX_COREFILE ??= "4194304"
COREXDP_MAX_PAGE ??= "262144"

export COREXDP_MAX_FILTERS
export COREXDP_MAX_STAGES
export COREXDP_MAX_METRICS
export COREXDP_MAX_DECISIONS
export COREXDP_MAX_KEY
export COREXDP_MAX_VALUE
export COREXDP_MAX_TABLE
export COREXDP_MAX_COREFILE
export COREXDP_MAX_PAGE

export LIBCLANG_PATH = "${STAGING_LIBDIR_NATIVE}"
export CLANG_PATH = "${STAGING_BINDIR_NATIVE}/clang"
# bindgen gets no CFLAGS: -D_FORTIFY_SOURCE makes vdprintf an inline function, which bindgen omits.
export BINDGEN_EXTRA_CLANG_ARGS = "--target=${TARGET_SYS} --sysroot=${STAGING_DIR_TARGET}"
export NO_PKG_CONFIG = "1"
# do_package strips the binary and keeps the symbols in the -dbg package.
export CARGO_PROFILE_RELEASE_STRIP = "false"

CARGO_BUILD_FLAGS += "--bin corexdp"

COREXDP_OBJECTS ?= "acl count dns guard limit ordered qname"

do_compile() {
    # libbpf predates C23 and is compiled with -Werror, so it needs gnu17. Its make ignores CFLAGS.
    export CC="${RUST_TARGET_CC} -std=gnu17 ${DEBUG_PREFIX_MAP}"
    cargo_do_compile

    # The BPF helpers are those of the bundled libbpf.
    install -d ${B}/include/bpf
    install -m 0644 ${CARGO_VENDORING_DIRECTORY}/bpf-sys-*/libbpf/src/bpf_*.h ${B}/include/bpf/
    for object in ${COREXDP_OBJECTS}; do
        ${STAGING_BINDIR_NATIVE}/clang -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v2 \
            -fdebug-prefix-map=${S}=. -fdebug-compilation-dir=. \
            -I${B}/include -I${STAGING_INCDIR} \
            -c ${S}/bpf/$object.bpf.c -o ${B}/$object.o
        # llvm-strip -g keeps BTF, in which corexdp finds the fields and constants that a Corefile names.
        ${STAGING_BINDIR_NATIVE}/llvm-strip -g ${B}/$object.o
    done
}

do_install() {
    install -D -m 0755 ${B}/target/${CARGO_TARGET_SUBDIR}/corexdp ${D}${sbindir}/corexdp
    install -D -m 0644 ${UNPACKDIR}/Corefile ${D}${sysconfdir}/corexdp/Corefile

    install -d ${D}${nonarch_libdir}/corexdp ${D}${datadir}/corexdp
    for object in ${COREXDP_OBJECTS}; do
        install -m 0644 ${B}/$object.o ${D}${nonarch_libdir}/corexdp/
        # In the source, a Corefile names the object in its own folder.
        sed "s,^\( *elf \)\($object\.o\)\$,\1${nonarch_libdir}/corexdp/\2," ${S}/bpf/$object.Corefile \
            > ${D}${datadir}/corexdp/$object.Corefile
        chmod 0644 ${D}${datadir}/corexdp/$object.Corefile
    done
    sed "s,^\( *elf \)\(acl\.o\)\$,\1${nonarch_libdir}/corexdp/\2," ${S}/cross/init/data.Corefile \
        > ${D}${datadir}/corexdp/data.Corefile
    chmod 0644 ${D}${datadir}/corexdp/data.Corefile
    install -m 0644 ${S}/tests/provisioning/corexdp.conf ${D}${datadir}/corexdp/fail2ban.conf
    install -m 0644 ${S}/tests/provisioning/crowdsec.sh ${D}${datadir}/corexdp/

    install -D -m 0644 ${S}/src/man/corexdp.8 ${D}${mandir}/man8/corexdp.8
    install -D -m 0644 ${S}/src/man/corexdp-corefile.5 ${D}${mandir}/man5/corexdp-corefile.5
    install -D -m 0644 ${S}/src/man/corexdp-programs.7 ${D}${mandir}/man7/corexdp-programs.7
    install -D -m 0644 ${S}/src/completion/corexdp.bash ${D}${datadir}/bash-completion/completions/corexdp
    install -D -m 0644 ${S}/src/completion/corexdp.fish ${D}${datadir}/fish/vendor_completions.d/corexdp.fish
    install -D -m 0644 ${S}/src/completion/_corexdp ${D}${datadir}/zsh/site-functions/_corexdp

    if ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'true', 'false', d)}; then
        install -D -m 0644 ${UNPACKDIR}/corexdp.service ${D}${systemd_system_unitdir}/corexdp.service
    fi
    if ${@bb.utils.contains('DISTRO_FEATURES', 'sysvinit', 'true', 'false', d)}; then
        install -D -m 0755 ${UNPACKDIR}/corexdp.init ${D}${sysconfdir}/init.d/corexdp
    fi
}

PACKAGES =+ "${PN}-objects ${PN}-examples ${PN}-fish-completion ${PN}-zsh-completion"

FILES:${PN}-objects += "${nonarch_libdir}/corexdp"
FILES:${PN}-examples += "${datadir}/corexdp"
FILES:${PN}-fish-completion += "${datadir}/fish"
FILES:${PN}-zsh-completion += "${datadir}/zsh"

CONFFILES:${PN} = "${sysconfdir}/corexdp/Corefile"

# The Corefile names an XDP program.
RRECOMMENDS:${PN} = "${PN}-objects"

# The XDP programs are BPF, which is not the architecture of the target.
# nooelint: oelint.vars.insaneskip
INSANE_SKIP:${PN}-objects = "arch"

SYSTEMD_SERVICE:${PN} = "corexdp.service"

# The network starts earlier, DNS servers start at 20.
INITSCRIPT_NAME = "corexdp"
INITSCRIPT_PARAMS = "defaults 15 85"
