// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * guard: access list, sanity of DNS and limits in one program, for a box that has
 * room for one. A packet meets them in this order: what the list drops is gone,
 * what is sent to the DNS port and is no query too, and what is left is limited.
 *
 * ENTRIES
 *
 *    entry 198.51.100.0/24 action=ACL_DROP
 *    entry @limits 0.0.0.0/0 source_rate=100 source_burst=500
 *
 * xdp_map and @hosts, the access list, as of acl.bpf.c: action, protocol, port,
 * otherwise; packets, bytes, others. ACL_PASS here means on to the rest, and so does
 * ACL_UNLISTED unless the settings say else.
 *
 * @limits, the limits, as of limit.bpf.c: rate, burst, source_rate, source_burst,
 * ip4_bits, ip6_bits; passed, dropped, source_dropped. In each table the longest
 * prefix that holds the source decides.
 *
 * SETTINGS
 *
 *    entry @settings 0 truncate=true
 *
 *    unlisted   the action for sources that the list does not speak of; 0: ACL_PASS
 *    port[0] to port[3]   the DNS server's ports; none: 53
 *    opcodes    a bit for each DNS opcode that is let through beside QUERY
 *    truncate   a good DNS query over UDP that exceeds a limit is not dropped but
 *               told to come again over TCP, see reply.h
 *    monitor    everything passes, and all is counted as if it did not
 *    manage     management traffic is filtered too; it passes by default, see
 *               management.h
 *
 * COUNTERS
 *
 *    counter guard_denied_packets @totals 0 denied "Packets that the list drops."
 *
 * @totals 0: passed, denied (by the list), malformed (no DNS query), limited (over
 * a limit, dropped), truncated (over a limit, told to come again), management,
 * other (no IP packet). Each packet is counted in one of them.
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

/* What is to become of a packet; `query` is read where it is for the server. */
static __always_inline enum verdict decide(struct xdp_md *ctx,
					   const struct packet *packet,
					   const struct settings *settings,
					   struct packet_scratch *scratch,
					   struct dns_query *query)
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
	if (error != DNS_OK && error != DNS_OTHER_OPCODE)
		return VERDICT_MALFORMED;
	rule = bpf_map_lookup_elem(&limits, &source);
	if (!rule || limit_admit(rule, &sources, packet))
		return VERDICT_PASS;
	return error == DNS_OK && settings->truncate ? VERDICT_TRUNCATE :
						       VERDICT_LIMIT;
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
	struct dns_query query = {};
	enum verdict verdict;

	/* Without ports it is for no server, and this is never read. */
	if (!packet->transport)
		packet->transport = packet->ip;
	launder(ctx, scratch, packet);
	verdict = decide(ctx, packet, settings, scratch, &query);
	count_verdict(totals, verdict);
	if (verdict == VERDICT_PASS || settings->monitor)
		return XDP_PASS;
	if (verdict == VERDICT_TRUNCATE)
		return send_reply(ctx, packet, &query, scratch, 0, true);
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
