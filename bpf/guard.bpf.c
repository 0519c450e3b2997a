// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * guard: access list, DNS checks and rate limits in one program, for an
 * interface that takes one program only. The steps are, in this order:
 *
 *   1. The access list drops packets by source, as `acl` does.
 *   2. Malformed queries over UDP to the DNS server are dropped.
 *   3. The limits drop packets over a rate, as `limit` does.
 *
 * MAPS
 *
 *    entry 198.51.100.0/24 action=ACL_DROP
 *    entry @limits 0.0.0.0/0 source_rate=100 source_burst=500
 *
 * xdp_map and @hosts are the access list, with the members that acl.bpf.c
 * describes: action, protocol, port, otherwise; packets, bytes, others. A
 * packet with ACL_PASS goes on to the next step, and so does one with
 * ACL_UNLISTED unless the settings say otherwise.
 *
 * @limits has the limits, with the members that limit.bpf.c describes: rate,
 * burst, source_rate, source_burst, ip4_bits, ip6_bits; passed, dropped,
 * source_dropped. In each map the longest prefix that matches the source
 * decides.
 *
 * SETTINGS
 *
 *    entry @settings 0 truncate=true
 *
 *    unlisted   action for sources without a rule; 0: ACL_PASS
 *    port[0] to port[3]   ports of the DNS server; all 0: port 53
 *    opcodes    a bit for each DNS opcode that passes unparsed besides QUERY;
 *               0: all pass, 1: QUERY alone
 *    truncate   a valid DNS query over a limit gets a truncated response
 *               (retry over TCP, see reply.h) instead of being dropped
 *    monitor    dry run: passes everything, counts as if it did not
 *    manage     filters management traffic too, which otherwise passes, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter guard_denied_packets @totals 0 denied "Packets that the list drops."
 *
 * @totals 0: passed, denied (by the access list), malformed (no valid DNS
 * query), limited (over a limit, dropped), truncated (over a limit, with a
 * truncated response), management, other (no IP packet). Each packet is counted
 * in one of these. other_opcode: DNS messages with another opcode than QUERY,
 * also counted in passed or limited.
 */
#include "acl.h"
#include "limit.h"
#include "reply.h"

struct settings {
	enum acl_action unlisted;
	__u32 opcodes;
	__u16 port[DNS_PORTS];
	bool truncate;
	bool monitor;
	bool manage;
};

struct totals {
	__u64 passed;
	__u64 denied;
	__u64 malformed;
	__u64 limited;
	__u64 truncated;
	__u64 management;
	__u64 other;
	__u64 other_opcode;
};

enum verdict {
	VERDICT_PASS,
	VERDICT_DENY,
	VERDICT_MALFORMED,
	VERDICT_LIMIT,
	VERDICT_TRUNCATE,
};

struct limit_map limits SEC(".maps");

#include "exempt.h"
#include "state.h"
#include "scratch.h"

static __always_inline bool is_denied(const struct packet *packet, __u64 bytes,
				      struct prefix *source,
				      const struct settings *settings)
{
	struct acl_rule *rule = acl_lookup(source);
	enum acl_action action = ACL_UNLISTED;

	if (rule)
		action = acl_apply(rule, packet, bytes);
	if (action == ACL_UNLISTED)
		action = settings->unlisted;
	return action == ACL_DROP;
}

/* Fills in `query` if the packet goes to a port of the DNS server. */
static __always_inline enum verdict decide(struct xdp_md *ctx,
					   const struct packet *packet,
					   const struct settings *settings,
					   struct packet_scratch *scratch,
					   struct dns_query *query,
					   struct totals *totals)
{
	void *data_end = (void *)(long)ctx->data_end;
	bool is_dns = packet->protocol == IPPROTO_UDP &&
		      is_dns_port(settings->port, packet->dest_port);
	struct prefix source = source_prefix(packet);
	enum dns_error error = DNS_OTHER_OPCODE;
	struct limit_rule *rule;

	if (is_denied(packet, ctx->data_end - ctx->data, &source, settings))
		return VERDICT_DENY;
	if (is_dns)
		error = parse_dns_query(packet, data_end, settings->opcodes,
					scratch, query);
	if (error != DNS_OK && !is_unparsed(error))
		return VERDICT_MALFORMED;
	if (is_dns && error == DNS_OTHER_OPCODE)
		totals->other_opcode++;
	rule = bpf_map_lookup_elem(&limits, &source);
	if (!rule || limit_admit(rule, &sources, packet))
		return VERDICT_PASS;
	if (error == DNS_OK && settings->truncate && may_reply(ctx, packet))
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
	else
		totals->truncated++;
}

static __always_inline int filter(struct xdp_md *ctx, struct packet *packet,
				  struct packet_scratch *scratch,
				  const struct settings *settings,
				  struct totals *totals)
{
	struct dns_query query;
	enum verdict verdict;

	/*
	 * launder() needs a pointer into the frame. Without ports the packet
	 * goes to no DNS server, so nothing reads this pointer.
	 */
	if (!packet->transport)
		packet->transport = packet->ip;
	launder(ctx, scratch, packet);
	verdict = decide(ctx, packet, settings, scratch, &query, totals);
	count_verdict(totals, verdict);
	if (verdict == VERDICT_PASS || settings->monitor)
		return XDP_PASS;
	if (verdict == VERDICT_TRUNCATE)
		return send_reply(ctx, packet, &query, scratch,
				  DNS_RCODE_NOERROR, DNS_TC);
	return XDP_DROP;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);
	__u32 key = 0;
	struct settings *settings_entry = bpf_map_lookup_elem(&settings, &key);
	struct totals *totals_entry = bpf_map_lookup_elem(&totals, &key);
	struct packet_scratch *scratch_entry =
		bpf_map_lookup_elem(&scratch, &key);

	if (!settings_entry || !totals_entry || !scratch_entry)
		return XDP_PASS;
	if (count_exempt(&packet, settings_entry, totals_entry))
		return XDP_PASS;
	return filter(ctx, &packet, scratch_entry, settings_entry,
		      totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
