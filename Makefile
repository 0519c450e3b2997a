# `make help` lists the targets. Targets that build, and `make install`, never install packages: they name what is missing, and
# `make deps` installs it. Targets that test install their requirements, so any of them may be the first after cloning.

CARGO ?= cargo
CLANG ?= clang
LLVM_STRIP ?= llvm-strip

# The documented output folder overrides the environment of the caller.
export CARGO_TARGET_DIR := $(CURDIR)/target
unexport CARGO_BUILD_TARGET
# The scripts in tests/ use the same tools.
export CARGO CLANG LLVM_STRIP

# Every kernel with XDP links (5.9) knows version 2 of the instruction set. Paths in the debug information are relative, so
# that the same source gives the same object in every folder.
BPF_FLAGS := -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v2 -I/usr/include/$(shell uname -m)-linux-gnu \
	-fdebug-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=.
BPF_PROGRAMS := $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
BPF_OUTPUTS := $(foreach name,$(BPF_PROGRAMS),target/bpf/$(name).o target/bpf/$(name).Corefile)

# Found by the first line, because some names of scripts do not end in .sh.
SCRIPTS = $(shell grep -rlI --exclude-dir=target --exclude-dir=dist --exclude-dir=.git --exclude='*.[1-9]' '^\#!/.*sh$$' .)

PYTHON = $(shell find cross tests -name '*.py')

# The recipes of the Yocto layer.
LAYER = $(shell find yocto-layer -name '*.bb' -o -name '*.bbappend' -o -name '*.inc' -o -name layer.conf)

.PHONY: help deps build binary objects demo check test faults fuzz soak bench dist-host dist release appliance lint clean \
	deps-build deps-demo deps-test deps-bench deps-dist deps-appliance has-build has-dist has-bench
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

include install.mk

help:
	@echo 'make deps    installs what make build needs, from Debian packages (root); make deps-dist what make dist needs'
	@echo 'make build   target/release/corexdp, and the shipped programs with their Corefiles in target/bpf/'
	@echo 'make install what make build built, under PREFIX (/usr/local); install.mk lists the variables; make uninstall'
	@echo 'make demo    builds, and demonstrates a filter of a DNS server in network namespaces (root)'
	@echo 'make check   rustfmt, clippy, unit and end-to-end tests of the debug build, in minutes (root)'
	@echo 'make test    everything that CI runs (root); tests/all.sh lists the steps of check and of test'
	@echo 'make faults  makes each system call of the daemon fail, with each error (root)'
	@echo 'make fuzz    runs each fuzz target for SECONDS_EACH (600)'
	@echo 'make soak    MINUTES (30) of packets, scrapes, reloads and a flapping interface; memory must not grow (root)'
	@echo 'make bench   measures attaching, filling, scraping, idling, packets, floods and lists, and those of peers (root)'
	@echo 'make dist    static binaries for x86_64 and aarch64 and the shipped programs, in dist/'
	@echo 'make release dist/release/: tarballs of the source and of each CPU with bills of materials, and checksums'
	@echo 'make appliance   boots dist/ in emulated machines with several kernels, and tests it in them (root)'
	@echo 'make lint    formatting, clippy, shellcheck, pyflakes, hadolint, oelint, systemd-analyze'
	@echo 'make clean   removes target/ and dist/'

deps: deps-build

build: binary objects

binary: | has-build
	$(CARGO) build --release --locked

objects: $(BPF_OUTPUTS)

target/bpf/%.o: bpf/%.bpf.c $(wildcard bpf/*.h) Makefile | has-build
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@
	@if command -v $(LLVM_STRIP) >/dev/null; then $(LLVM_STRIP) -g $@; fi

target/bpf/%.Corefile: bpf/%.Corefile
	@mkdir -p $(@D)
	cp $< $@

# The targets below install their requirements first. A second make then finds them: a prerequisite `build` would look for
# its requirements at the same time.

demo: | deps-demo
	@$(MAKE) --no-print-directory build
	tests/demo.sh

check: | deps-test
	@$(MAKE) --no-print-directory objects
	tests/all.sh check

test: | deps-test
	tests/all.sh

# `make test` includes one failure of each call.
faults: | deps-test
	COREXDP_FAULTS=all $(CARGO) test --locked --test faults

# Seconds for each fuzz target. One target runs on each core at a time.
SECONDS_EACH ?= 600

fuzz: | deps-test
	tests/fuzz.sh $(SECONDS_EACH)

# Minutes of the soak test.
MINUTES ?= 30

soak: | deps-test
	@$(MAKE) --no-print-directory build
	COREXDP_SOAK_SECONDS=$$(($(MINUTES) * 60)) $(CARGO) test --release --locked --test soak -- --nocapture

bench: | deps-bench
	@$(MAKE) --no-print-directory dist-host
	tests/bench.sh

appliance: | deps-appliance
	@$(MAKE) --no-print-directory dist
	tests/appliance.sh

# The part of `make dist` for this machine's CPU.
dist-host: objects | has-bench
	cross/dist.sh $(shell uname -m)-unknown-linux-musl

dist: objects | has-dist
	cross/dist.sh x86_64-unknown-linux-musl
	cross/dist.sh aarch64-unknown-linux-musl
	cross/sbom.py x86_64-unknown-linux-musl
	cross/sbom.py aarch64-unknown-linux-musl

# The tarballs and checksums of the last commit.
release:
	cross/release.sh --check
	@$(MAKE) --no-print-directory dist
	cross/release.sh

lint: | deps-test
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --features faults -- -D warnings
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	tests/fuzz/cargo clippy --all-targets -- -D warnings
	shellcheck -x -P SCRIPTDIR $(SCRIPTS) src/completion/corexdp.bash
	pyflakes3 $(PYTHON)
	target/venv/bin/hadolint cross/Dockerfile.*
	target/venv/bin/oelint-adv --quiet --release=wrynose --hide info --constantmods=+yocto-layer/oelint.json \
		--suppress oelint.var.mandatoryvar.HOMEPAGE -- $(LAYER)
	target/venv/bin/ansible-playbook --syntax-check -i localhost, tests/provisioning/corexdp.yml
	tests/units.sh
	tests/init.sh

clean:
	rm -rf target dist

deps-build deps-demo deps-test deps-bench deps-dist deps-appliance: deps-%:
	@tests/setup.sh $*

# The static binaries also need what `make build` needs. make starts one apt at a time.
deps-dist: | deps-build
deps-appliance: | deps-dist
has-dist: | has-build

has-build has-dist has-bench: has-%:
	@tests/setup.sh $* only-check
