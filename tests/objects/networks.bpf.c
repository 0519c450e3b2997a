// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An LPM trie of IPv4 networks, each with a verdict and a counter, and a per-CPU
 * map that counts verdicts. Sources outside all networks pass.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum network_verdict {
	NETWORK_PASS,
	NETWORK_DROP,
};

struct prefix {
	__u32 bits;
	__be32 address;
};

struct network {
	enum network_verdict verdict;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct prefix);
	__type(value, struct network);
} networks SEC(".maps");

/* The key is an enum xdp_action. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_REDIRECT + 1);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

static __always_inline int decide(const struct iphdr *ip)
{
	struct prefix source = { .bits = 32, .address = ip->saddr };
	struct network *network = bpf_map_lookup_elem(&networks, &source);

	if (!network)
		return XDP_PASS;
	__sync_fetch_and_add(&network->packets, 1);
	return network->verdict == NETWORK_DROP ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	__u32 verdict = XDP_PASS;
	__u64 *count;

	if ((void *)(ip + 1) <= data_end && eth->h_proto == bpf_htons(ETH_P_IP))
		verdict = decide(ip);
	count = bpf_map_lookup_elem(&verdicts, &verdict);
	if (count)
		(*count)++;
	return verdict;
}

char _license[] SEC("license") = "Dual BSD/GPL";
