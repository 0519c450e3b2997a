# Runs the commands by which buildroot/package/corexdp/corexdp.mk installs, as Buildroot would, without the rest of it.
#
# make -f tests/appliance/buildroot.mk BUILD=FOLDER TARGET_DIR=FOLDER INIT=SYSV|SYSTEMD install
#     BUILD is an absolute path, and has what the package builds, where the package leaves it.
# make -f tests/appliance/buildroot.mk permissions
#     Prints the package's table of permissions.

# What Buildroot has set before it reads a package.
INSTALL := install
BR2_EXTERNAL_COREXDP_PATH := buildroot
COREXDP_PKGDIR := buildroot/package/corexdp
RUSTC_TARGET_NAME := target

# What is chosen there, and the package itself; $(cargo-package) is nothing here.
include buildroot/configs/corexdp_qemu_aarch64_defconfig
include $(COREXDP_PKGDIR)/corexdp.mk

.PHONY: install permissions
install: $(BUILD)/install
	@:

# Its folder is $(@D) for the commands.
$(BUILD)/install:
	$(COREXDP_INSTALL_TARGET_CMDS)
	$(COREXDP_INSTALL_INIT_$(INIT))

permissions:
	$(info $(COREXDP_PERMISSIONS))
	@:
