// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocks IPv4 sources by address and by network, with plain maps. Counts the
 * dropped packets in the entry that decides.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef ENTRIES
#define ENTRIES 1024
#endif

enum block {
	BLOCK_NONE,
	BLOCK_DROP,
	BLOCK_PASS,
};

struct rule {
	enum block action;
	__u32 note;
	__u64 packets;
};

struct network {
	__u32 bits;
	__be32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct network);
	__type(value, struct rule);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} xdp_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, struct rule);
	__uint(max_entries, 131072);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, struct rule);
	__uint(max_entries, 2);
} few SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __be32);
	__type(value, struct rule);
	__uint(max_entries, ENTRIES);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct rule);
	__uint(max_entries, 1);
} others SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct network network = { .bits = 32 };
	struct rule *rule;
	__u32 first = 0;

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	network.address = ip->saddr;
	rule = bpf_map_lookup_elem(&hosts, &network.address);
	if (!rule)
		rule = bpf_map_lookup_elem(&few, &network.address);
	if (!rule)
		rule = bpf_map_lookup_elem(&recent, &network.address);
	if (!rule)
		rule = bpf_map_lookup_elem(&xdp_map, &network);
	if (!rule)
		rule = bpf_map_lookup_elem(&others, &first);
	if (!rule || rule->action != BLOCK_DROP)
		return XDP_PASS;
	__sync_fetch_and_add(&rule->packets, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
