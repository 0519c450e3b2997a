// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit as it was before source tables: the bucket of each source is in an LRU
 * hash. The peer of limit in the benchmark. It has the steps of limit for a
 * packet to the DNS server, and no limits but that of each source.
 */
#include "bucket.h"
#include "management.h"
#include "ports.h"
#include "prefix.h"

#define MAX_RULES 16384
#define MAX_SOURCES 32768
#define SOURCE_IP4_BITS 24
#define SOURCE_IP6_BITS 56

struct limit_rule {
	__u32 source_rate;
	__u32 source_burst AT_MOST(MAX_BURST);
	__u8 ip4_bits AT_MOST(32);
	__u8 ip6_bits AT_MOST(128);
	__u64 passed;
	__u64 source_dropped;
};

struct settings {
	__u16 port[DNS_PORTS] DNS_PORTS_ALIGNED;
	bool monitor;
	bool manage;
};

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 unlisted;
	__u64 management;
	__u64 other;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct limit_rule);
	__uint(max_entries, MAX_RULES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} xdp_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct address);
	__type(value, struct bucket);
	__uint(max_entries, MAX_SOURCES);
} sources SEC(".maps");

#include "state.h"

/* Returns the source network of a packet; 0 bits: the default length. */
static __always_inline struct address
source_network(const struct packet *packet, __u8 ip4_bits, __u8 ip6_bits)
{
	struct address address = source_address(packet);

	if (packet->version == 6)
		return mask_address(address,
				    ip6_bits ? ip6_bits : SOURCE_IP6_BITS);
	if (!ip4_bits)
		ip4_bits = SOURCE_IP4_BITS;
	address.word[3] &= bpf_htonl(prefix_mask(ip4_bits));
	return address;
}

/* A new network gets a full bucket. NULL if the map has no room. */
static __always_inline struct bucket *
lookup_source_bucket(const struct address *network)
{
	struct bucket *bucket = bpf_map_lookup_elem(&sources, network);
	struct bucket fresh = {};

	if (bucket)
		return bucket;
	bpf_map_update_elem(&sources, network, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&sources, network);
}

static __always_inline bool limit_admit(struct limit_rule *rule,
					const struct packet *packet)
{
	struct bucket_rate rate =
		bucket_rate_of(rule->source_rate, rule->source_burst);
	struct address network =
		source_network(packet, rule->ip4_bits, rule->ip6_bits);
	struct bucket *bucket = lookup_source_bucket(&network);

	if (bucket && !bucket_admit(bucket, &rate)) {
		__sync_fetch_and_add(&rule->source_dropped, 1);
		return false;
	}
	__sync_fetch_and_add(&rule->passed, 1);
	return true;
}

static __always_inline int decide(const struct packet *packet,
				  const struct settings *settings,
				  struct totals *totals)
{
	struct prefix source = source_prefix(packet);
	struct limit_rule *rule;

	if (!is_dns_port(settings->port, packet->dest_port)) {
		totals->other++;
		return XDP_PASS;
	}
	rule = bpf_map_lookup_elem(&xdp_map, &source);
	if (!rule) {
		totals->unlisted++;
		return XDP_PASS;
	}
	if (limit_admit(rule, packet)) {
		totals->passed++;
		return XDP_PASS;
	}
	totals->dropped++;
	return settings->monitor ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);
	__u32 key = 0;
	struct settings *settings_entry = bpf_map_lookup_elem(&settings, &key);
	struct totals *totals_entry = bpf_map_lookup_elem(&totals, &key);

	if (!settings_entry || !totals_entry)
		return XDP_PASS;
	if (!packet.version) {
		totals_entry->other++;
		return XDP_PASS;
	}
	if (!settings_entry->manage && is_management(&packet)) {
		totals_entry->management++;
		return XDP_PASS;
	}
	return decide(&packet, settings_entry, totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
