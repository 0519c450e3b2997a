/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map `scratch`, for programs that launder packets and nothing else. */
#ifndef COREXDP_SCRATCH_H
#define COREXDP_SCRATCH_H

#include "launder.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct packet_scratch);
	__uint(max_entries, 1);
} scratch SEC(".maps");

#endif
