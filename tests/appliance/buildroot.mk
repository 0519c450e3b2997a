# Runs the install commands of buildroot/package/corexdp/corexdp.mk without the rest of Buildroot.
#
# make -f tests/appliance/buildroot.mk BUILD=FOLDER TARGET_DIR=FOLDER INIT=SYSV|SYSTEMD install
#     BUILD is an absolute path of a folder with the built files, where the package leaves them.
# make -f tests/appliance/buildroot.mk permissions
#     Prints the package's table of permissions.

# Variables that Buildroot sets before it reads a package.
INSTALL := install
BR2_EXTERNAL_COREXDP_PATH := buildroot
COREXDP_PKGDIR := buildroot/package/corexdp
RUSTC_TARGET_NAME := target

# The options of the defconfig, and the package. $(cargo-package) is empty without Buildroot.
include buildroot/configs/corexdp_qemu_aarch64_defconfig
include $(COREXDP_PKGDIR)/corexdp.mk

.PHONY: install permissions
install: $(BUILD)/install
	@:

# The commands find their files in $(@D).
$(BUILD)/install:
	$(COREXDP_INSTALL_TARGET_CMDS)
	$(COREXDP_INSTALL_INIT_$(INIT))

permissions:
	$(info $(COREXDP_PERMISSIONS))
	@:
