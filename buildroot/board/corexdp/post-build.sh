#!/bin/sh
# llvm is built for the target as well only so that the host's clang compiles XDP programs: no program of this image uses
# it, and it is larger than all others together.
set -eu
rm -f "$1"/usr/lib/libLLVM*.so* "$1"/usr/lib/libLTO.so* "$1"/usr/lib/libRemarks.so*
