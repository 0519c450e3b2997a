/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps `settings`, the program's configuration, and `totals`, its counters
 * of all packets. Each has one entry, under key 0.
 *
 * Include this file after the program's definitions of `struct settings` and
 * `struct totals`.
 */
#ifndef COREXDP_STATE_H
#define COREXDP_STATE_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct settings);
	__uint(max_entries, 1);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct totals);
	__uint(max_entries, 1);
} totals SEC(".maps");

#endif
