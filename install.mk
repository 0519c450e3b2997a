# `make install` and `make uninstall`: of the source after `make build`, and of a release for one CPU (cross/release.mk).
#
#    make install DESTDIR=/staging PREFIX=/usr INIT=sysv
#
# DESTDIR is the folder that becomes the root later; the installed files name each other by their paths without DESTDIR. INIT
# is `systemd` for the unit, and `sysv`, `openrc` or `procd` (OpenWrt) for an init script; both or empty. The operator
# writes /etc/corexdp/Corefile.

DESTDIR =
PREFIX = /usr/local
INIT = systemd
sbindir = $(PREFIX)/sbin
libdir = $(PREFIX)/lib
includedir = $(PREFIX)/include
datadir = $(PREFIX)/share
mandir = $(datadir)/man
docdir = $(datadir)/doc/corexdp
sysconfdir = /etc
unitdir = $(PREFIX)/lib/systemd/system
bashdir = $(datadir)/bash-completion/completions
fishdir = $(datadir)/fish/vendor_completions.d
zshdir = $(datadir)/zsh/site-functions
INSTALL = install

# The files to install; `make build` makes those in target/.
BINARY = target/release/corexdp
OBJECTS = $(BPF_PROGRAMS:%=target/bpf/%.o)
COREFILES = $(BPF_PROGRAMS:%=bpf/%.Corefile) cross/init/data.Corefile
HEADERS = $(wildcard bpf/*.h)
MANUALS = $(wildcard src/man/*.[1-9])
BASH = src/completion/corexdp.bash
FISH = src/completion/corexdp.fish
ZSH = src/completion/_corexdp
UNIT = buildroot/package/corexdp/corexdp.service
SCRIPT_sysv = buildroot/package/corexdp/S60corexdp
SCRIPT_openrc = cross/init/corexdp.openrc
SCRIPT_procd = cross/init/corexdp.procd
FAIL2BAN = tests/provisioning/corexdp.conf
CROWDSEC = tests/provisioning/crowdsec.sh
DOCUMENTS = README.md CHANGELOG.md SECURITY.md LICENSE-APACHE LICENSE-MIT bpf/LICENSE.BSD-2-Clause bpf/LICENSE.GPL-2.0
# The way to get a file that is missing.
REMEDY = run make build first

# Lists of MODE:FILE:PATH.
into = $(foreach file,$(2),644:$(file):$(1)/$(notdir $(file)))
COPIED = 755:$(BINARY):$(sbindir)/corexdp \
	$(call into,$(libdir)/corexdp,$(OBJECTS)) \
	$(call into,$(includedir)/corexdp,$(HEADERS)) \
	644:$(BASH):$(bashdir)/corexdp \
	644:$(FISH):$(fishdir)/corexdp.fish \
	644:$(ZSH):$(zshdir)/_corexdp \
	644:$(FAIL2BAN):$(datadir)/corexdp/fail2ban.conf \
	755:$(CROWDSEC):$(datadir)/corexdp/crowdsec.sh \
	$(call into,$(docdir),$(DOCUMENTS))
# Texts with paths of other installed files.
EXAMPLES = $(call into,$(datadir)/corexdp,$(COREFILES))
PAGES = $(foreach file,$(MANUALS),$(call into,$(mandir)/man$(patsubst .%,%,$(suffix $(file))),$(file)))
SERVICES = $(if $(filter systemd,$(INIT)),644:$(UNIT):$(unitdir)/corexdp.service) \
	$(foreach init,$(filter-out systemd,$(INIT)),755:$(SCRIPT_$(init)):$(sysconfdir)/init.d/corexdp)
ALL = $(COPIED) $(EXAMPLES) $(PAGES) $(SERVICES)
FOLDERS = $(libdir)/corexdp $(includedir)/corexdp $(datadir)/corexdp $(docdir) $(sysconfdir)/corexdp

# The sources have the paths of PREFIX=/usr, and their Corefiles name an object in their own folder. The manuals say which
# Corefile the binary reads by default: always that in /etc.
REWRITE = -e 's,/usr/sbin/,$(sbindir)/,g' -e 's,/usr/lib/corexdp,$(libdir)/corexdp,g' \
	-e 's,/usr/include/corexdp,$(includedir)/corexdp,g' -e 's,/usr/share/corexdp,$(datadir)/corexdp,g'
REWRITE_EXAMPLES = $(REWRITE) \
	$(foreach file,$(notdir $(OBJECTS)),-e 's,^\( *elf \)$(file)$$,\1$(libdir)/corexdp/$(file),')
REWRITE_SERVICES = $(REWRITE) -e 's,/etc/corexdp,$(sysconfdir)/corexdp,g' -e 's,/etc/default/,$(sysconfdir)/default/,g'

.PHONY: install uninstall

# Nothing is installed unless all files are there. `make install` builds nothing, since root should not build.
install:
	$(if $(filter-out systemd sysv openrc procd,$(INIT)),$(error INIT=$(INIT): the words are systemd, sysv, openrc and procd))
	$(if $(word 2,$(filter-out systemd,$(INIT))),$(error INIT=$(INIT): name one of sysv, openrc and procd))
	@missing=; for entry in $(ALL); do \
		file=$${entry#*:}; file=$${file%%:*}; [ -e "$$file" ] || missing="$$missing $$file"; \
	done; \
	[ -z "$$missing" ] || { echo "install: missing:$$missing; $(REMEDY)" >&2; exit 1; }
	@put() { path=$${1#*:}; $(INSTALL) -D -m "$${1%%:*}" "$${path%%:*}" "$(DESTDIR)$${path#*:}"; }; \
	put_text() { put "$$1" && entry=$$1 && shift && sed -i "$$@" "$(DESTDIR)$${entry##*:}"; }; \
	set -e; \
	for entry in $(COPIED); do put "$$entry"; done; \
	for entry in $(EXAMPLES); do put_text "$$entry" $(REWRITE_EXAMPLES); done; \
	for entry in $(PAGES); do put_text "$$entry" $(REWRITE); done; \
	for entry in $(SERVICES); do put_text "$$entry" $(REWRITE_SERVICES); done; \
	[ -d "$(DESTDIR)$(sysconfdir)/corexdp" ] || $(INSTALL) -d -m 755 "$(DESTDIR)$(sysconfdir)/corexdp"
	@echo 'installed; $(datadir)/corexdp has Corefiles to copy to $(sysconfdir)/corexdp/Corefile'

# Keeps the operator's own files.
uninstall: override INIT = systemd sysv
uninstall:
	@for entry in $(ALL); do rm -f "$(DESTDIR)$${entry##*:}" || exit; done
	@for folder in $(FOLDERS); do \
		! [ -d "$(DESTDIR)$$folder" ] || rmdir "$(DESTDIR)$$folder" 2>/dev/null || echo "uninstall: kept $$folder, which has other files"; \
	done
