/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of zlib that libbpf calls to read /proc/config.gz. If off_t can have two sizes, zlib.h defines
 * gzopen as gzopen64. */
#include "stub.h"

STUB(gzclose)
STUB(gzgets)
STUB(gzopen)
STUB(gzopen64)
