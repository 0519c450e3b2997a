// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Maps that take items of lists: networks of both families, IPv4 addresses and
 * names. Packets from a listed network or address get its verdict; names are
 * only looked up.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum verdict {
	VERDICT_PASS,
	VERDICT_DROP,
	VERDICT_NXDOMAIN,
};

struct address {
	__be32 word[4];
};

struct prefix {
	__u32 bits;
	struct address address;
};

struct qname {
	char text[64];
};

struct rule {
	enum verdict verdict;
	__u64 packets;
};

struct name_rule {
	enum verdict verdict;
	bool exact;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct prefix);
	__type(value, struct rule);
} networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __be32);
	__type(value, struct rule);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct qname);
	__type(value, struct name_rule);
} names SEC(".maps");

static __always_inline int apply(struct rule *rule)
{
	__sync_fetch_and_add(&rule->packets, 1);
	return rule->verdict == VERDICT_PASS ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct prefix source = { .bits = 128 };
	struct qname name = {};
	struct rule *rule;
	__be32 address;

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	address = ip->saddr;
	source.address.word[2] = bpf_htonl(0xffff);
	source.address.word[3] = address;
	rule = bpf_map_lookup_elem(&addresses, &address);
	if (!rule)
		rule = bpf_map_lookup_elem(&networks, &source);
	if (rule)
		return apply(rule);
	return bpf_map_lookup_elem(&names, &name) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
