# Installs the files of this release, which is for one CPU: `make install`, with the variables of install.mk. Builds nothing.
#
# cross/release.sh puts this file as Makefile beside install.mk and the folders usr/ and etc/, which have the files as for
# `make install PREFIX=/usr INIT='systemd sysv'`: an image may also copy both folders. init/ has the other init scripts.

include install.mk

.DEFAULT_GOAL := install

BINARY = usr/sbin/corexdp
OBJECTS = $(wildcard usr/lib/corexdp/*.o)
COREFILES = $(wildcard usr/share/corexdp/*.Corefile)
HEADERS = $(wildcard usr/include/corexdp/*.h)
MANUALS = $(wildcard usr/share/man/man*/*)
BASH = usr/share/bash-completion/completions/corexdp
FISH = usr/share/fish/vendor_completions.d/corexdp.fish
ZSH = usr/share/zsh/site-functions/_corexdp
UNIT = usr/lib/systemd/system/corexdp.service
SCRIPT_sysv = etc/init.d/corexdp
SCRIPT_openrc = init/corexdp.openrc
SCRIPT_procd = init/corexdp.procd
FAIL2BAN = usr/share/corexdp/fail2ban.conf
CROWDSEC = usr/share/corexdp/crowdsec.sh
DOCUMENTS = $(wildcard usr/share/doc/corexdp/*)
REMEDY = extract the release again
