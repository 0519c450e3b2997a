#!/bin/sh
# Removes LLVM's libraries from the image. Buildroot's clang for the host has a BPF backend only if llvm is selected for the
# target too. No program of the image uses these libraries, which are larger than all other files together.
set -eu
rm -f "$1"/usr/lib/libLLVM*.so* "$1"/usr/lib/libLTO.so* "$1"/usr/lib/libRemarks.so*
