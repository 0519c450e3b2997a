// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Block lists in two LRU maps, one with a value for each CPU: the kernel evicts
 * entries of such maps by itself.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1000);
	__type(key, __u32);
	__type(value, __u64);
} xdp_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1000);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	__u32 key = 1;
	__u64 *first = bpf_map_lookup_elem(&xdp_map, &key);
	__u64 *second = bpf_map_lookup_elem(&per_cpu, &key);

	return (first && *first) || (second && *second) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
