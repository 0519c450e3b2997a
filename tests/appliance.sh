#!/bin/sh
# Tests dist/ in emulated machines with several kernels and memory sizes, whose images are made as a vendor makes them.
# The checks run inside of the machine, and outside at the other end of its network card. The last line is
# `N passed, N failed`. Reports and console logs stay in target/appliance/boots/.
#
# Usage: tests/appliance.sh [WORD…]    selects the boots whose row in tests/appliance/boots.py has all words
set -eu
cd "$(dirname "$0")"
# ip is in sbin, which is not in the PATH of every root shell.
PATH="$PATH:/usr/sbin:/sbin"
exec python3 -B -m appliance "$@"
