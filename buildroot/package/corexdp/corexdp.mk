################################################################################
#
# corexdp
#
################################################################################

COREXDP_VERSION = 0.1.0
COREXDP_LICENSE = \
	MIT or Apache-2.0 (daemon), \
	LGPL-2.1 or BSD-2-Clause (libbpf), \
	GPL-2.0-only or BSD-2-Clause (XDP programs)
COREXDP_LICENSE_FILES = \
	LICENSE-APACHE \
	LICENSE-MIT \
	bpf/LICENSE.BSD-2-Clause \
	bpf/LICENSE.GPL-2.0

ifneq ($(call qstrip,$(BR2_PACKAGE_COREXDP_RELEASE_SITE)),)
COREXDP_SITE = $(call qstrip,$(BR2_PACKAGE_COREXDP_RELEASE_SITE))
else
COREXDP_SITE = $(BR2_EXTERNAL_COREXDP_PATH)/..
COREXDP_SITE_METHOD = local
endif

# Build output of cargo in a checkout: gigabytes.
COREXDP_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude=/target --exclude=/dist

# bindgen needs libclang of the host. libbpf includes headers of libelf and
# zlib. The crate elf-stubs replaces both libraries, so the target has neither.
COREXDP_DEPENDENCIES = host-clang host-elfutils host-zlib

COREXDP_INCLUDE = $(@D)/host-headers

# The endings of BR2_PACKAGE_COREXDP_MAX_FILTERS and its like.
COREXDP_CAPACITIES = \
	FILTERS \
	STAGES \
	METRICS \
	DECISIONS \
	KEY \
	VALUE \
	TABLE \
	COREFILE \
	PAGE

# libbpf predates C23 and is compiled with -Werror, so it needs gnu17. bindgen
# gets no CFLAGS: -D_FORTIFY_SOURCE makes vdprintf an inline function, which
# bindgen omits. The environment of Buildroot overrides [profile.release] of
# Cargo.toml, so the last three variables restore it.
COREXDP_CARGO_ENV = \
	$(foreach capacity,$(COREXDP_CAPACITIES),\
		COREXDP_MAX_$(capacity)="$(BR2_PACKAGE_COREXDP_MAX_$(capacity))") \
	CC="$(TARGET_CC) -std=gnu17" \
	CPATH="$(COREXDP_INCLUDE)" \
	NO_PKG_CONFIG=1 \
	LIBCLANG_PATH="$(HOST_DIR)/lib" \
	BINDGEN_EXTRA_CLANG_ARGS="--target=$(GNU_TARGET_NAME) --sysroot=$(STAGING_DIR)" \
	CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	CARGO_PROFILE_RELEASE_LTO=fat \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=z

COREXDP_CARGO_BUILD_OPTS = --bin corexdp

define COREXDP_COPY_HEADERS
	mkdir -p $(COREXDP_INCLUDE)
	cp $(addprefix $(HOST_DIR)/include/,gelf.h libelf.h zconf.h zlib.h) \
		$(COREXDP_INCLUDE)
endef
COREXDP_PRE_CONFIGURE_HOOKS += COREXDP_COPY_HEADERS

# Buildroot vendors the crates of a tarball at download. A checkout has none.
define COREXDP_VENDOR
	cd $(@D) && test -d VENDOR || { \
		mkdir -p .cargo && \
		$(TARGET_MAKE_ENV) $(PKG_COMMON_CARGO_ENV) \
			cargo vendor --locked VENDOR > .cargo/config.toml; \
	}
endef
COREXDP_PRE_CONFIGURE_HOOKS += COREXDP_VENDOR

COREXDP_OBJECTS-$(BR2_PACKAGE_COREXDP_ACL) += acl
COREXDP_OBJECTS-$(BR2_PACKAGE_COREXDP_COUNT) += count
COREXDP_OBJECTS-$(BR2_PACKAGE_COREXDP_DNS) += dns
COREXDP_OBJECTS-$(BR2_PACKAGE_COREXDP_GUARD) += guard
COREXDP_OBJECTS-$(BR2_PACKAGE_COREXDP_LIMIT) += limit
COREXDP_OBJECTS-$(BR2_PACKAGE_COREXDP_ORDERED) += ordered
COREXDP_OBJECTS-$(BR2_PACKAGE_COREXDP_QNAME) += qname

# clang.br_real bypasses the toolchain wrapper, which adds flags of the target.
# The BPF helpers are those of the bundled libbpf. llvm-strip -g keeps BTF, in
# which corexdp finds the fields and constants that a Corefile names.
define COREXDP_BUILD_OBJECTS
	mkdir -p $(COREXDP_INCLUDE)/bpf
	cp $(@D)/VENDOR/bpf-sys/libbpf/src/bpf_*.h $(COREXDP_INCLUDE)/bpf/
	$(foreach object,$(COREXDP_OBJECTS-y),
		$(HOST_DIR)/bin/clang.br_real -O2 -g -Wall -Wextra -Werror \
			-target bpf -mcpu=v2 -fdebug-compilation-dir=. \
			-I$(COREXDP_INCLUDE) -I$(STAGING_DIR)/usr/include \
			-c $(@D)/bpf/$(object).bpf.c -o $(@D)/$(object).o
		$(HOST_DIR)/bin/llvm-strip -g $(@D)/$(object).o
	)
endef
COREXDP_POST_BUILD_HOOKS += COREXDP_BUILD_OBJECTS

define COREXDP_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 \
		$(@D)/target/$(RUSTC_TARGET_NAME)/$(if $(BR2_ENABLE_DEBUG),debug,release)/corexdp \
		$(TARGET_DIR)/usr/sbin/corexdp
	$(foreach object,$(COREXDP_OBJECTS-y),
		$(INSTALL) -D -m 0644 $(@D)/$(object).o \
			$(TARGET_DIR)/usr/lib/corexdp/$(object).o
	)
	$(INSTALL) -d -m 0755 $(TARGET_DIR)/etc/corexdp
	$(if $(BR2_PACKAGE_FAIL2BAN),
		$(INSTALL) -D -m 0644 $(@D)/tests/provisioning/corexdp.conf \
			$(TARGET_DIR)/etc/fail2ban/action.d/corexdp.conf
	)
endef

define COREXDP_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(COREXDP_PKGDIR)/S60corexdp \
		$(TARGET_DIR)/etc/init.d/S60corexdp
endef

define COREXDP_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(COREXDP_PKGDIR)/corexdp.service \
		$(TARGET_DIR)/usr/lib/systemd/system/corexdp.service
endef

# These files decide which programs a privileged process loads, so only root
# writes them. The package creates no user: the daemon starts as root and keeps
# two or three capabilities; its worker runs as nobody, a user of the skeleton.
define COREXDP_PERMISSIONS
	/etc/corexdp d 0755 0 0 - - - - -
	/usr/lib/corexdp d 0755 0 0 - - - - -
	/usr/sbin/corexdp f 0755 0 0 - - - - -
endef

# Landlock is optional. It prevents the worker from opening files.
define COREXDP_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_NET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_INET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_UNIX)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BPF)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BPF_SYSCALL)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BPF_JIT)
	$(call KCONFIG_ENABLE_OPT,CONFIG_MULTIUSER)
	$(call KCONFIG_ENABLE_OPT,CONFIG_PROC_FS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SECCOMP)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SECCOMP_FILTER)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SHMEM)
	$(call KCONFIG_ENABLE_OPT,CONFIG_TMPFS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SECURITY)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SECURITY_LANDLOCK)
endef

$(eval $(cargo-package))
