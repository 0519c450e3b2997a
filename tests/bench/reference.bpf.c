/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reference for the cost of a packet: parses a frame up to its UDP header
 * and makes the map lookups that no filter of its kind can avoid. It has no
 * VLAN tags, no options, no settings and no counters. Options choose the
 * lookups:
 *
 *   -DHOSTS       the source in a hash
 *   -DPREFIXES=N  the source in an LPM trie, N times
 *   -DSOURCES     the /24 or /56 of the source in an LRU hash, with the time
 *                 from -DCLOCK=HELPER
 *   -DTYPES=N     the type of the DNS question, after its name, in an array,
 *                 N times
 *
 * The maps have the types and the sizes of those of the shipped programs.
 */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define DNS_HEADER 12
#define DNS_TYPES 512
/* More than any name in shipped_dns.rs has. */
#define MAX_LABELS 8

struct address {
	__be32 word[4];
};

struct prefix {
	__u32 bits;
	struct address address;
};

struct rule {
	__u8 drop;
	__u8 others[31];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct address);
	__type(value, struct rule);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct rule);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct address);
	__type(value, __u64);
	__uint(max_entries, 32768);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct rule);
	__uint(max_entries, DNS_TYPES);
} types SEC(".maps");

/* The UDP header of a frame; NULL if there is none. */
static __always_inline struct udphdr *parse_udp(void *data, void *data_end,
						struct address *source)
{
	struct ethhdr *eth = data;
	struct iphdr *ip4 = data + sizeof(*eth);
	struct ipv6hdr *ip6 = data + sizeof(*eth);
	struct udphdr *udp;
	__u8 protocol;

	if ((void *)(ip4 + 1) > data_end)
		return NULL;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		udp = (void *)(ip4 + 1);
		protocol = ip4->protocol;
		source->word[2] = bpf_htonl(0xffff);
		source->word[3] = ip4->saddr;
	} else {
		if ((void *)(ip6 + 1) > data_end)
			return NULL;
		udp = (void *)(ip6 + 1);
		protocol = ip6->nexthdr;
		__builtin_memcpy(source, &ip6->saddr, sizeof(*source));
	}
	if (protocol != IPPROTO_UDP || (void *)(udp + 1) > data_end)
		return NULL;
	return udp;
}

#ifdef HOSTS
static __always_inline int look_up_host(struct address source)
{
	struct rule *rule = bpf_map_lookup_elem(&hosts, &source);

	return rule && rule->drop;
}
#endif

#ifdef PREFIXES
static __always_inline int look_up_prefix(struct address source)
{
	struct prefix key = { .bits = 128, .address = source };
	struct rule *rule;
	int drop = 0;

	for (int i = 0; i < PREFIXES; i++) {
		rule = bpf_map_lookup_elem(&prefixes, &key);
		drop |= rule && rule->drop;
	}
	return drop;
}
#endif

#ifdef SOURCES
static __always_inline void store_time(struct address source)
{
	__u64 now = CLOCK(), *last;

	if (source.word[2] == bpf_htonl(0xffff)) {
		source.word[3] &= bpf_htonl(0xffffff00);
	} else {
		source.word[1] &= bpf_htonl(0xffffff00);
		source.word[2] = 0;
		source.word[3] = 0;
	}
	last = bpf_map_lookup_elem(&sources, &source);
	if (last)
		*last = now;
	else
		bpf_map_update_elem(&sources, &source, &now, BPF_ANY);
}
#endif

#ifdef TYPES
static __always_inline int look_up_type(__u8 *name, void *data_end)
{
	struct rule *rule;
	__u32 type;

	for (int i = 0; i < MAX_LABELS; i++) {
		if (name + 1 > (__u8 *)data_end)
			return 0;
		if (!*name)
			break;
		name += *name + 1;
	}
	if (name + 3 > (__u8 *)data_end)
		return 0;
	type = name[1] << 8 | name[2];
	rule = bpf_map_lookup_elem(&types, &type);
	return rule && rule->drop;
}
#endif

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct address source = {};
	struct udphdr *udp = parse_udp(data, data_end, &source);
	int drop = 0;

	if (!udp)
		return XDP_PASS;
#ifdef HOSTS
	drop |= look_up_host(source);
#endif
#ifdef PREFIXES
	drop |= look_up_prefix(source);
#endif
#ifdef TYPES
	for (int i = 0; i < TYPES; i++)
		drop |= look_up_type((void *)(udp + 1) + DNS_HEADER, data_end);
#endif
#ifdef SOURCES
	store_time(source);
#endif
	return drop ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
