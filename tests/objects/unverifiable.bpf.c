// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A valid object that the verifier rejects: it reads the packet without
 * checking data_end.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} xdp_map SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	__u32 key = 0;

	if (!bpf_map_lookup_elem(&xdp_map, &key))
		return XDP_PASS;
	return *(__u8 *)(long)ctx->data ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
