// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit: so many packets per second from a subnet, all together, and from each
 * source in it; what exceeds either is dropped. Of the rules that speak of a
 * packet's source the one with the longest prefix limits it. A packet that no
 * rule speaks of passes.
 *
 * ENTRIES
 *
 *    entry 192.0.2.0/24 rate=10000 burst=2000
 *    entry 0.0.0.0/0    source_rate=100
 *    entry 2001:db8::/32 rate=50000 source_rate=200 ip6_bits=64
 *
 * xdp_map, an LPM trie with room for 16384 rules; KEY is ADDRESS/BITS, see
 * prefix.h for both families in one table. A rule, 56 bytes:
 *
 *    rate           packets per second of the whole subnet; 0: any number
 *    burst          how many of them may come at once, after a pause; 0: as many
 *                   as `rate` says, at most 268435456
 *    source_rate, source_burst   likewise of each source
 *    ip4_bits, ip6_bits          which networks are one source; 0: /24 and /56
 *    passed         packets within the limits
 *    dropped        packets over the subnet's limit
 *    source_dropped packets over their own source's limit
 *    bucket         the program's own; not to be named
 *
 * SETTINGS
 *
 *    entry @settings 0 monitor=true
 *
 *    monitor    nothing is dropped, and all is counted as if it were
 *    manage     management traffic is limited too; it passes by default, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter limit_dropped_packets @totals 0 dropped "Packets over a limit."
 *
 * @totals 0: passed, dropped (or, with `monitor`, to be dropped), unlisted (passed
 * without a rule), management, other (no IP packet). Each packet is counted in
 * one of them.
 *
 * Limits hold for all CPUs together, see bucket.h; one whose burst takes less than
 * half a second to come back needs a more exact clock, which costs as much as the
 * rest of it. 32768 sources are remembered;
 * when there are more, the one not seen for longest is forgotten, and is a new
 * one with all of its burst the next time. A source that lies in two rules'
 * networks has one bucket for both.
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
