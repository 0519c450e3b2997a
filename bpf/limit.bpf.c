// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit: limits the packets per second of a subnet, and of each source in it,
 * and drops packets over a limit. Only packets to the DNS server count, unless
 * the settings have another scope. The rule with the longest prefix that
 * matches the source applies. A packet without a rule passes.
 *
 * MAPS
 *
 *    entry 192.0.2.0/24 rate=10000 burst=50000
 *    entry 0.0.0.0/0    source_rate=100
 *    entry 2001:db8::/32 rate=50000 source_rate=200 ip6_bits=64
 *
 * xdp_map is an LPM trie with room for 16384 rules. KEY is ADDRESS/BITS;
 * prefix.h describes how one map holds both families. A rule, 80 bytes:
 *
 *    rate           packets per second of the whole subnet; 0: no limit
 *    burst          packets of a burst after a pause, at most 268435456;
 *                   0: as many as `rate`
 *    source_rate, source_burst   rate and burst of each source
 *    ip4_bits, ip6_bits          prefix length of a source; 0: 24 and 56
 *    address_rate, link_rate, site_rate   rates of other prefix lengths of the
 *                   source, see rates.h; with address_burst and so on
 *    passed         counter: packets within the limits
 *    dropped        counter: packets over the limit of the subnet
 *    source_dropped counter: packets over a limit of their source, or of a new
 *                   source over `new_rate`, that pass only by a proof
 *    bucket         state of the program; not for entries
 *
 * SETTINGS
 *
 *    entry @settings 0 monitor=true
 *
 *    scope      SCOPE_DNS (0): limits only packets to the ports of the server,
 *               over UDP and TCP; SCOPE_ALL: limits all IP packets, see scope.h
 *    port[0] to port[3]   ports of the DNS server; all 0: port 53
 *    replies    with SCOPE_ALL, verdict on responses of upstream servers:
 *               REPLIES_PASS (0), REPLIES_LIMIT (reply_rate and reply_burst
 *               apply to each source) or REPLIES_JUDGE (as other packets)
 *    upstream[0], upstream[1]   ports of upstream servers; all 0: port 53
 *    new_rate, new_burst   rate of all new sources together, see rates.h; 0: no
 *               limit
 *    proven_rate, proven_burst   rate of a source that has proven its address by
 *               a TCP connection, see proof.h; 0: no proofs. Segments to the
 *               server then take no tokens of other limits
 *    proof      seconds of a proof; 0: 600
 *    lookup_rate   lookups of sockets per second; 0: 20000
 *    netns      network namespace of the server, an ID of `ip netns set`; 0:
 *               that of the interface
 *    syn_rate, syn_burst, syn_total_rate, syn_total_burst   rate of TCP
 *               handshakes of each source, and of all; 0: no limit
 *    monitor    dry run: drops nothing, counts as if it did
 *    manage     limits management traffic too, which otherwise passes, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter limit_dropped_packets_total @totals 0 dropped "Packets over a limit."
 *
 * @totals 0: passed, dropped (with `monitor`: packets that would be dropped),
 * unlisted (passed without a rule), management, replies (passed),
 * replies_limited (dropped), other (no IP packet, or out of scope). Each packet
 * is counted in one of these. Beside these: new_sources and new_limited (see
 * rates.h), proofs, proven (packets that pass by a proof), lookups_limited and
 * syns_limited (see proof.h).
 *
 * NOTES
 *
 * All CPUs share one bucket of a limit, see bucket.h. A limit whose burst takes
 * less than half a second to refill needs the exact clock, which doubles the
 * cost of the limit.
 *
 * The program has room for 131072 networks, see source.h. A new network replaces
 * the one of four that was idle for longest, whose next packet finds a full
 * bucket. A network that sent a single packet counts as idle for 18 minutes
 * more. A source that matches two rules with one prefix length has one bucket
 * for both.
 */
#include "launder.h"
#include "limit.h"
#include "scope.h"

struct settings {
	enum scope scope;
	enum replies replies;
	bool monitor;
	bool manage;
	__u16 port[DNS_PORTS] DNS_PORTS_ALIGNED;
	__u16 upstream[UPSTREAM_PORTS];
	__u32 reply_rate;
	__u32 reply_burst AT_MOST(MAX_BURST);
	__u32 new_rate;
	__u32 new_burst AT_MOST(MAX_BURST);
	__u32 proven_rate;
	__u32 proven_burst AT_MOST(MAX_BURST);
	__u32 proof AT_MOST(MAX_PROOF);
	__u32 lookup_rate;
	__u32 netns;
	__u32 syn_rate;
	__u32 syn_burst AT_MOST(MAX_BURST);
	__u32 syn_total_rate;
	__u32 syn_total_burst AT_MOST(MAX_BURST);
};

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 unlisted;
	__u64 management;
	__u64 replies;
	__u64 replies_limited;
	__u64 other;
	__u64 proven;
	__u64 proofs;
	__u64 lookups_limited;
	__u64 new_sources;
	__u64 new_limited;
	__u64 syns_limited;
};

struct limit_map xdp_map SEC(".maps");

#include "exempt.h"
#include "limited.h"
#include "scratch.h"
#include "state.h"

/*
 * True if a packet is within the limits. Segments to the server are limited
 * apart from queries if proofs are on: a flood of queries must not keep a real
 * client from its proof.
 */
static __always_inline bool admit(struct xdp_md *ctx,
				  const struct packet *packet,
				  struct limit_rule *rule, bool is_dns,
				  const struct settings *settings,
				  struct pools *pools, struct totals *totals)
{
	if (is_dns && packet->protocol == IPPROTO_TCP && is_proving(settings))
		return admit_segment(ctx, packet, settings, pools, totals);
	return admit_limited(packet, rule, is_dns, settings, pools, totals);
}

static __always_inline int decide(struct xdp_md *ctx,
				  const struct packet *packet,
				  const struct settings *settings,
				  struct pools *pools, struct totals *totals)
{
	bool is_dns = is_dns_port(settings->port, packet->dest_port);
	enum scope_verdict scope =
		apply_scope(packet, is_dns, settings, pools, totals);
	struct prefix source = source_prefix(packet);
	struct limit_rule *rule;

	if (scope == SCOPE_PASSED)
		return XDP_PASS;
	if (scope == SCOPE_LIMITED)
		return settings->monitor ? XDP_PASS : XDP_DROP;
	rule = bpf_map_lookup_elem(&xdp_map, &source);
	if (!rule) {
		totals->unlisted++;
		return XDP_PASS;
	}
	if (admit(ctx, packet, rule, is_dns, settings, pools, totals)) {
		totals->passed++;
		return XDP_PASS;
	}
	totals->dropped++;
	return settings->monitor ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	/* Before the parser, after whose paths the verifier would follow it. */
	struct pools *pools_entry = find_pools();
	struct packet packet = parse_packet(ctx);
	__u32 key = 0;
	struct settings *settings_entry = bpf_map_lookup_elem(&settings, &key);
	struct totals *totals_entry = bpf_map_lookup_elem(&totals, &key);
	struct packet_scratch *scratch_entry =
		bpf_map_lookup_elem(&scratch, &key);

	if (!settings_entry || !totals_entry || !scratch_entry || !pools_entry)
		return XDP_PASS;
	if (!packet.version) {
		totals_entry->other++;
		return XDP_PASS;
	}
	launder(ctx, scratch_entry, &packet);
	if (packet.hidden) {
		totals_entry->dropped++;
		return settings_entry->monitor ? XDP_PASS : XDP_DROP;
	}
	if (count_management(&packet, settings_entry, totals_entry))
		return XDP_PASS;
	return decide(ctx, &packet, settings_entry, pools_entry, totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
