// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A large block list: drops IPv4 packets whose source is a key, and counts them
 * in its value.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, __u64);
	__uint(max_entries, 200000);
} xdp_map SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	__be32 key;
	__u64 *packets;

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	key = ip->saddr;
	packets = bpf_map_lookup_elem(&xdp_map, &key);
	if (!packets)
		return XDP_PASS;
	__sync_fetch_and_add(packets, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
