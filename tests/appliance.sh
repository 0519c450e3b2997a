#!/bin/sh
# Boots an image as a vendor builds it, on several kernels and sizes of memory, under emulation, and tests what is in
# dist/ there, from inside and, over an emulated network card, from outside. Ends with `N passed, N failed`. Reports and
# consoles stay in target/appliance/boots/.
#
# Usage: tests/appliance.sh [WORD…]    with words, only the boots whose row in tests/appliance/boots.py has them all
set -eu
cd "$(dirname "$0")"
# ip is in sbin, which not every root shell searches.
PATH="$PATH:/usr/sbin:/sbin"
exec python3 -B -m appliance "$@"
