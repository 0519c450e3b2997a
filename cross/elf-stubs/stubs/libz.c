/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What libbpf takes from zlib to read /proc/config.gz; gzopen64 is gzopen where off_t has a choice of sizes. */
#include "stub.h"

STUB(gzclose)
STUB(gzgets)
STUB(gzopen)
STUB(gzopen64)
