// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A trie with room for four billion entries, which takes memory only for the
 * entries that it has.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct network {
	__u32 prefixlen;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct network);
	__type(value, __u64);
	__uint(max_entries, 4000000000);
} xdp_map SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct network key = { .prefixlen = 32, .address = { 10, 11, 0, 1 } };

	return bpf_map_lookup_elem(&xdp_map, &key) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
