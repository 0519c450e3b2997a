// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An object whose loading takes as many kinds of system calls as possible: a
 * per-CPU hash map to fill and read, constants to freeze, and a map that the test
 * names, to find leaked maps.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#ifndef QUEUE
#define QUEUE 0xffff
#endif

#ifndef TAG
#define TAG tag
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 8);
} xdp_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} TAG SEC(".maps");

const volatile __u32 queue = QUEUE;

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *seen = bpf_map_lookup_elem(&TAG, &key);

	if (seen)
		__sync_fetch_and_add(seen, 1);
	if (ctx->rx_queue_index == queue)
		return XDP_DROP;
	key = 1;
	return bpf_map_lookup_elem(&xdp_map, &key) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
