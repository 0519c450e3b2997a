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

enum fate {
	FATE_PASS,
	FATE_DENY,
	FATE_MALFORMED,
	FATE_LIMIT,
	FATE_TRUNCATE,
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct limit_rule);
	__uint(max_entries, LIMIT_RULES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} limits SEC(".maps");

#include "exempt.h"
#include "state.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct settled);
	__uint(max_entries, 1);
} scratch SEC(".maps");

static __always_inline bool is_denied(const struct packet *packet, __u64 bytes,
				      struct prefix *source,
				      const struct settings *settings)
{
	struct acl_rule *rule = acl_rule_of(source);
	enum acl_action action = ACL_UNLISTED;

	if (rule)
		action = acl_apply(rule, packet, bytes);
	if (action == ACL_UNLISTED)
		action = settings->unlisted;
	return action == ACL_DROP;
}

/* What is to become of a packet; `query` is read where it is for the server. */
static __always_inline enum fate judge(struct xdp_md *ctx,
				       const struct packet *packet,
				       const struct settings *settings,
				       struct settled *settled,
				       struct dns_query *query)
{
	void *end = (void *)(long)ctx->data_end;
	bool is_dns = packet->protocol == IPPROTO_UDP &&
		      dns_is_port(settings->port, packet->port);
	struct prefix source = prefix_of(packet);
	enum dns_fault fault = DNS_OTHER_OPCODE;
	struct limit_rule *rule;

	if (is_denied(packet, ctx->data_end - ctx->data, &source, settings))
		return FATE_DENY;
	if (is_dns)
		fault = dns_read(packet, end, settings->opcodes, settled,
				 query);
	if (fault != DNS_GOOD && fault != DNS_OTHER_OPCODE)
		return FATE_MALFORMED;
	rule = bpf_map_lookup_elem(&limits, &source);
	if (!rule || limit_admits(rule, &sources, packet))
		return FATE_PASS;
	return fault == DNS_GOOD && settings->truncate ? FATE_TRUNCATE :
							 FATE_LIMIT;
}

static __always_inline void count(struct totals *totals, enum fate fate)
{
	if (fate == FATE_PASS)
		totals->passed++;
	else if (fate == FATE_DENY)
		totals->denied++;
	else if (fate == FATE_MALFORMED)
		totals->malformed++;
	else if (fate == FATE_LIMIT)
		totals->limited++;
	else
		totals->truncated++;
}

static __always_inline int filter(struct xdp_md *ctx, struct packet *packet,
				  struct settled *settled,
				  const struct settings *settings,
				  struct totals *totals)
{
	struct dns_query query = {};
	enum fate fate;

	/* Without ports it is for no server, and this is never read. */
	if (!packet->transport)
		packet->transport = packet->ip;
	settle(ctx, settled, packet);
	fate = judge(ctx, packet, settings, settled, &query);
	count(totals, fate);
	if (fate == FATE_PASS || settings->monitor)
		return XDP_PASS;
	if (fate == FATE_TRUNCATE)
		return reply(ctx, packet, &query, settled, 0, true);
	return XDP_DROP;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);
	__u32 first = 0;
	struct settings *set = bpf_map_lookup_elem(&settings, &first);
	struct totals *sums = bpf_map_lookup_elem(&totals, &first);
	struct settled *settled = bpf_map_lookup_elem(&scratch, &first);

	if (!set || !sums || !settled)
		return XDP_PASS;
	if (is_exempt(&packet, set, sums))
		return XDP_PASS;
	return filter(ctx, &packet, settled, set, sums);
}

char _license[] SEC("license") = "Dual BSD/GPL";
