// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A hash map that the program fills: packets by IPv4 source, with the key in
 * network byte order. Passes everything. Sources are not counted when the map is
 * full.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct source {
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, struct source);
	__uint(max_entries, 64);
} xdp_map SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	const struct source none = {};
	struct source *source;
	__be32 key;

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	key = ip->saddr;
	/* Fails if another CPU has added the entry, which is fine. */
	bpf_map_update_elem(&xdp_map, &key, &none, BPF_NOEXIST);
	source = bpf_map_lookup_elem(&xdp_map, &key);
	if (source)
		__sync_fetch_and_add(&source->packets, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
