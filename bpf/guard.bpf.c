// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * guard: access list, DNS checks and rate limits in one program, for an
 * interface that takes one program only. The steps are, in this order:
 *
 *   1. The access list drops packets by source, as `acl` does.
 *   2. Malformed queries over UDP to the DNS server are dropped.
 *   3. The limits drop packets over a rate, as `limit` does.
 *
 * Only packets to the DNS server are judged, unless a rule of the access list
 * names the source or the settings have another scope.
 *
 * MAPS
 *
 *    entry 198.51.100.0/24 action=ACL_DROP
 *    entry @limits 0.0.0.0/0 source_rate=100 source_burst=500
 *
 * xdp_map is the access list, a prefix table with the members that acl.bpf.c
 * describes: action, protocol, port, otherwise; packets, bytes, others. Packets
 * with ACL_PASS go on to the next step. Packets with ACL_UNLISTED do so unless
 * the settings have unlisted=ACL_DROP.
 *
 * @limits has the limits, with the members that limit.bpf.c describes: rate,
 * burst, source_rate, source_burst, ip4_bits, ip6_bits and others; passed,
 * dropped, source_dropped. In each map the longest prefix that matches the source
 * decides.
 *
 * SETTINGS
 *
 *    entry @settings 0 truncate=true
 *
 *    unlisted   action for sources without a rule; 0: ACL_PASS
 *    scope      SCOPE_DNS (0): `unlisted` and limits apply only to packets to
 *               the ports of the server, over UDP and TCP; SCOPE_ALL: to all IP
 *               packets, see scope.h
 *    port[0] to port[3]   ports of the DNS server; all 0: port 53
 *    replies    verdict on responses of upstream servers, with SCOPE_ALL or to a
 *               port of the DNS server: REPLIES_PASS (0), REPLIES_LIMIT
 *               (reply_rate and reply_burst apply to each source) or
 *               REPLIES_JUDGE (as other packets)
 *    upstream[0], upstream[1]   ports of upstream servers; all 0: port 53
 *    opcodes    a bit for each DNS opcode that passes unparsed besides QUERY;
 *               0: all pass, 1: only QUERY passes
 *    truncate   a valid DNS query over a limit gets a truncated response
 *               (retry over TCP, see reply.h) instead of being dropped
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
 *    cookie_rate, cookie_burst   rate of an address with a valid server cookie,
 *               see cookie.h; 0: cookies are not looked at
 *    answer_rate, answer_burst   rate of all responses together; 0: no limit
 *    monitor    dry run: passes everything, counts as if it did not
 *    manage     filters management traffic too, which otherwise passes, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter guard_denied_packets_total @totals 0 denied "Packets that the list drops."
 *
 * @totals 0: passed, denied (by the access list), malformed (no valid DNS
 * query), limited (over a limit, dropped), truncated (over a limit, with a
 * truncated response), management, replies (passed), replies_limited (dropped),
 * other (no IP packet, or out of scope). Each packet is counted in one of
 * these. other_opcode: DNS messages with an opcode other than QUERY, also
 * counted in passed or limited. Beside these, new_sources, new_limited, proofs,
 * proven, lookups_limited, syns_limited, answers_limited, cookies_valid,
 * cookies_forged and cookies_stale.
 */
#include "acl.h"
#include "limit.h"
#include "reply.h"
#include "scope.h"

struct settings {
	enum acl_action unlisted;
	enum scope scope;
	enum replies replies;
	bool truncate;
	bool monitor;
	bool manage;
	__u32 opcodes;
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
	__u32 answer_rate;
	__u32 answer_burst AT_MOST(MAX_BURST);
	__u32 cookie_rate;
	__u32 cookie_burst AT_MOST(MAX_BURST);
};

struct totals {
	__u64 passed;
	__u64 denied;
	__u64 malformed;
	__u64 limited;
	__u64 truncated;
	__u64 management;
	__u64 replies;
	__u64 replies_limited;
	__u64 other;
	__u64 other_opcode;
	__u64 proven;
	__u64 proofs;
	__u64 lookups_limited;
	__u64 new_sources;
	__u64 new_limited;
	__u64 syns_limited;
	__u64 answers_limited;
	__u64 cookies_valid;
	__u64 cookies_forged;
	__u64 cookies_stale;
};

enum verdict {
	VERDICT_PASS,
	VERDICT_DENY,
	VERDICT_MALFORMED,
	VERDICT_LIMIT,
	VERDICT_TRUNCATE,
	/* Not judged, and already counted. */
	VERDICT_SKIP,
	VERDICT_REPLY_LIMIT,
};

struct limit_map limits SEC(".maps");

#include "cookies.h"
#include "exempt.h"
#include "limited.h"
#include "state.h"
#include "scratch.h"

/* Fills in `query` if the packet goes to a port of the DNS server. */
static __always_inline enum verdict decide(struct xdp_md *ctx,
					   const struct packet *packet,
					   const struct settings *settings,
					   struct packet_scratch *scratch,
					   struct dns_query *query,
					   struct pools *pools,
					   struct totals *totals)
{
	void *data_end = (void *)(long)ctx->data_end;
	bool is_dns = is_dns_port(settings->port, packet->dest_port);
	struct prefix source = source_prefix(packet);
	enum acl_action action = acl_decide(packet, frame_bytes(ctx));
	enum dns_error error = DNS_OTHER_OPCODE;
	enum scope_verdict scope;
	const struct rate cookie_rate = { settings->cookie_rate,
					  settings->cookie_burst };
	struct limit_rule *rule;
	bool is_admitted;

	if (action == ACL_DROP)
		return VERDICT_DENY;
	if (packet->hidden)
		return VERDICT_MALFORMED;
	scope = apply_scope(packet, is_dns, settings, pools, totals);
	if (scope != SCOPE_JUDGED)
		return scope == SCOPE_PASSED ? VERDICT_SKIP :
					       VERDICT_REPLY_LIMIT;
	if (action == ACL_UNLISTED && settings->unlisted == ACL_DROP)
		return VERDICT_DENY;
	if (is_dns && packet->protocol == IPPROTO_TCP && is_proving(settings))
		return admit_segment(ctx, packet, settings, pools, totals) ?
			       VERDICT_PASS :
			       VERDICT_LIMIT;
	is_dns &= packet->protocol == IPPROTO_UDP;
	if (is_dns)
		error = parse_dns_query(packet, data_end, settings->opcodes,
					scratch, query);
	if (error == DNS_BAD_QR) {
		scope = apply_fixed_port_reply(packet, settings, pools,
					       totals);
		if (scope != SCOPE_JUDGED)
			return scope == SCOPE_PASSED ? VERDICT_SKIP :
						       VERDICT_REPLY_LIMIT;
	}
	if (error != DNS_OK && !is_unparsed(error))
		return VERDICT_MALFORMED;
	if (is_dns && error == DNS_OTHER_OPCODE)
		totals->other_opcode++;
	rule = bpf_map_lookup_elem(&limits, &source);
	if (!rule)
		return VERDICT_PASS;
	/* A rule without a limit is not limited by a valid cookie. */
	is_admitted = error == DNS_OK && cookie_rate.rate &&
		      count_cookie(packet, query, totals) == COOKIE_VALID &&
		      admit_cookie(packet, &cookie_rate, pools);
	if (!opaque(scratch, is_admitted))
		is_admitted = admit_limited(packet, rule, is_dns, settings,
					    pools, totals);
	/* A known answer would double the later paths of the verifier. */
	if (opaque(scratch, is_admitted))
		return VERDICT_PASS;
	if (error == DNS_OK && settings->truncate && may_reply(ctx, packet) &&
	    admit_answer(settings, pools, totals))
		return VERDICT_TRUNCATE;
	return VERDICT_LIMIT;
}

static __always_inline void count_verdict(struct totals *totals,
					  enum verdict verdict)
{
	if (verdict == VERDICT_PASS)
		totals->passed++;
	else if (verdict == VERDICT_DENY)
		totals->denied++;
	else if (verdict == VERDICT_MALFORMED)
		totals->malformed++;
	else if (verdict == VERDICT_LIMIT)
		totals->limited++;
	else if (verdict == VERDICT_TRUNCATE)
		totals->truncated++;
}

static __always_inline int filter(struct xdp_md *ctx, struct packet *packet,
				  struct packet_scratch *scratch,
				  const struct settings *settings,
				  struct pools *pools, struct totals *totals)
{
	struct dns_query query;
	enum verdict verdict;

	verdict = decide(ctx, packet, settings, scratch, &query, pools,
			 totals);
	count_verdict(totals, verdict);
	if (verdict == VERDICT_PASS || verdict == VERDICT_SKIP ||
	    settings->monitor)
		return XDP_PASS;
	if (verdict == VERDICT_TRUNCATE)
		return send_reply(ctx, packet, &query, scratch,
				  DNS_RCODE_NOERROR, DNS_TC);
	return XDP_DROP;
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
	if (count_management(&packet, settings_entry, totals_entry))
		return XDP_PASS;
	return filter(ctx, &packet, scratch_entry, settings_entry, pools_entry,
		      totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
