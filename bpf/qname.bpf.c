// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * qname: blocks DNS queries over UDP by name. A rule matches its name and all
 * names below it; the rule with the longest name decides. Upper and lower case
 * are equal. Labels match as a whole: badads.example is not ads.example.
 *
 * MAPS
 *
 *    entry ads.example      action=QNAME_REFUSE
 *    entry good.ads.example action=QNAME_PASS
 *    entry evil.example     action=QNAME_DROP exact=true
 *
 * xdp_map is a hash map with room for 262144 names, and takes memory only for
 * those in use. KEY is a name of at most 64 bytes; an `entry` line may have
 * capitals and a dot at the end. The names in queries may be longer. A value,
 * 16 bytes:
 *
 *    action     QNAME_PASS (0), QNAME_DROP, QNAME_REFUSE (respond with REFUSED)
 *               or QNAME_NXDOMAIN
 *    exact      matches only the name, not the names below it
 *    packets    counter: queries that this rule has decided
 *
 * SETTINGS
 *
 *    entry @settings 0 monitor=true
 *
 *    port[0] to port[3]   ports of the server; all 0: port 53
 *    monitor    dry run: passes everything, counts as if it did not
 *
 * COUNTERS
 *
 *    counter qname_refused_queries_total @totals 0 refused "Queries refused."
 *
 * @totals 0: passed, dropped, refused, nxdomain (queries), unread (packets to a
 * port of the server that are not valid queries, and pass) and other (packets
 * other than UDP to a port of the server). Each packet is counted in one of
 * these.
 *
 * NOTES
 *
 * reply.h builds the responses. A query that must not get a response, see
 * may_reply there, is dropped instead and counted as such. Queries over TCP and
 * all other traffic pass: ssh, DHCP, ARP, neighbour discovery.
 */
#include "qname.h"
#include "reply.h"

#define QNAME_MAX_RULES 262144

enum qname_action {
	QNAME_PASS = 0,
	QNAME_DROP = 1,
	QNAME_REFUSE = 2,
	QNAME_NXDOMAIN = 3,
};

struct qname_rule {
	enum qname_action action;
	bool exact;
	__u64 packets;
};

struct settings {
	__u16 port[DNS_PORTS] DNS_PORTS_ALIGNED;
	bool monitor;
};

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 refused;
	__u64 nxdomain;
	__u64 unread;
	__u64 other;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct qname);
	__type(value, struct qname_rule);
	__uint(max_entries, QNAME_MAX_RULES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} xdp_map SEC(".maps");

#include "state.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct qname_text);
	__uint(max_entries, 1);
} scratch SEC(".maps");

/*
 * The rule for the longest suffix of the name, by whole labels; NULL if there
 * is none.
 */
static __always_inline struct qname_rule *
longest_match(const struct dns_query *query, struct qname_text *text,
	      __u32 size)
{
	struct qname_rule *rule;
	__u32 offset = 0;

	for (int i = 0; i < DNS_MAX_LABELS && offset < size; i++) {
		__u8 *label = qname_at(query, offset);

		if ((void *)(label + 1) > query->data_end)
			break;
		if (size - offset <= QNAME_SIZE) {
			void *key =
				bounded_add(text->bytes, offset, DNS_MAX_NAME);

			rule = bpf_map_lookup_elem(&xdp_map, key);
			if (rule && !(rule->exact && offset))
				return rule;
		}
		offset += *label + 1;
	}
	return NULL;
}

static __always_inline enum qname_action decide(const struct dns_query *query,
						struct qname_text *text)
{
	struct qname_rule *rule;

	/* The text of the root name is empty, and no rule can match it. */
	if (query->name_length < 2)
		return QNAME_PASS;
	rule = longest_match(query, text, qname_to_text(query, text));
	if (!rule)
		return QNAME_PASS;
	__sync_fetch_and_add(&rule->packets, 1);
	return rule->action;
}

static __always_inline int
apply_action(struct xdp_md *ctx, const struct packet *packet,
	     const struct dns_query *query, struct packet_scratch *scratch,
	     enum qname_action action, bool monitor, struct totals *totals)
{
	if ((action == QNAME_REFUSE || action == QNAME_NXDOMAIN) &&
	    !may_reply(ctx, packet))
		action = QNAME_DROP;
	if (action == QNAME_DROP) {
		totals->dropped++;
		return monitor ? XDP_PASS : XDP_DROP;
	}
	if (action == QNAME_REFUSE) {
		totals->refused++;
	} else if (action == QNAME_NXDOMAIN) {
		totals->nxdomain++;
	} else {
		totals->passed++;
		return XDP_PASS;
	}
	if (monitor)
		return XDP_PASS;
	return send_reply(ctx, packet, query, scratch,
			  action == QNAME_REFUSE ? DNS_RCODE_REFUSED :
						   DNS_RCODE_NXDOMAIN,
			  0);
}

static __always_inline int filter(struct xdp_md *ctx, struct packet *packet,
				  struct qname_text *text,
				  const struct settings *settings,
				  struct totals *totals)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct dns_query query;

	launder(ctx, &text->scratch, packet);
	if (!is_dns_port(settings->port, packet->dest_port)) {
		totals->other++;
		return XDP_PASS;
	}
	if (packet->fragment ||
	    parse_dns_query(packet, data_end, 0, &text->scratch, &query)) {
		totals->unread++;
		return XDP_PASS;
	}
	return apply_action(ctx, packet, &query, &text->scratch,
			    decide(&query, text), settings->monitor, totals);
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);
	__u32 key = 0;
	struct settings *settings_entry = bpf_map_lookup_elem(&settings, &key);
	struct totals *totals_entry = bpf_map_lookup_elem(&totals, &key);
	struct qname_text *text = bpf_map_lookup_elem(&scratch, &key);

	if (!settings_entry || !totals_entry || !text)
		return XDP_PASS;
	if (packet.protocol != IPPROTO_UDP || !packet.transport) {
		totals_entry->other++;
		return XDP_PASS;
	}
	return filter(ctx, &packet, text, settings_entry, totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
