// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit: limits the packets per second of a subnet, and of each source in it,
 * and drops packets over a limit. The rule with the longest prefix that matches
 * the source applies. A packet without a rule passes.
 *
 * MAPS
 *
 *    entry 192.0.2.0/24 rate=10000 burst=2000
 *    entry 0.0.0.0/0    source_rate=100
 *    entry 2001:db8::/32 rate=50000 source_rate=200 ip6_bits=64
 *
 * xdp_map is an LPM trie with room for 16384 rules. KEY is ADDRESS/BITS;
 * prefix.h describes how one map holds both families. A rule, 56 bytes:
 *
 *    rate           packets per second of the whole subnet; 0: no limit
 *    burst          packets of a burst after a pause, at most 268435456;
 *                   0: as many as `rate`
 *    source_rate, source_burst   rate and burst of each source
 *    ip4_bits, ip6_bits          prefix length of a source; 0: 24 and 56
 *    passed         counter: packets within the limits
 *    dropped        counter: packets over the limit of the subnet
 *    source_dropped counter: packets over the limit of their source
 *    bucket         state of the program; not for entries
 *
 * SETTINGS
 *
 *    entry @settings 0 monitor=true
 *
 *    monitor    dry run: drops nothing, counts as if it did
 *    manage     limits management traffic too, which otherwise passes, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter limit_dropped_packets @totals 0 dropped "Packets over a limit."
 *
 * @totals 0: passed, dropped (with `monitor`: packets that would be dropped),
 * unlisted (passed without a rule), management, other (no IP packet). Each
 * packet is counted in one of these.
 *
 * NOTES
 *
 * A limit holds for all CPUs together, see bucket.h. A limit whose burst takes
 * less than half a second to refill needs the exact clock, which doubles the
 * cost of the limit.
 *
 * The program remembers 32768 sources. When there are more, the least recently
 * seen source is forgotten, and has a full burst when it comes back. A source
 * that matches two rules has one bucket for both.
 */
#include "limit.h"

struct settings {
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

struct limit_map xdp_map SEC(".maps");

#include "exempt.h"
#include "state.h"

static __always_inline int decide(const struct packet *packet, bool monitor,
				  struct totals *totals)
{
	struct prefix source = source_prefix(packet);
	struct limit_rule *rule = bpf_map_lookup_elem(&xdp_map, &source);

	if (!rule) {
		totals->unlisted++;
		return XDP_PASS;
	}
	if (limit_admit(rule, &sources, packet)) {
		totals->passed++;
		return XDP_PASS;
	}
	totals->dropped++;
	return monitor ? XDP_PASS : XDP_DROP;
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
	if (count_exempt(&packet, settings_entry, totals_entry))
		return XDP_PASS;
	return decide(&packet, settings_entry->monitor, totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
