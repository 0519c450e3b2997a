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
 * xdp_map is a name table, see name_table.h, and takes memory for the names that
 * are listed. KEY is a name of at most 255 bytes in wire format; an `entry` line
 * may have capitals and a dot at the end. A value, 48 bytes:
 *
 *    action     QNAME_PASS (0), QNAME_DROP, QNAME_REFUSE (respond with REFUSED),
 *               QNAME_NXDOMAIN, QNAME_NODATA (NOERROR without answers),
 *               QNAME_TRUNCATE (TC=1: the client asks again over TCP) or
 *               QNAME_LIMIT (names below it have a rate)
 *    exact      NAME_TREE (0): also names below; NAME_EXACT (true): only the
 *               name; NAME_BELOW: only names below
 *    packets    counter: queries that this rule has decided
 *    rate, burst   with QNAME_LIMIT: queries per second for names below, of all
 *               sources together that are not proven; a query over the rate
 *               gets TC=1. 0: no limit
 *    limited    counter: queries over the rate
 *    bucket     state of the program; not for entries
 *
 * QNAME_LIMIT is against queries for random names of a zone ("water torture"),
 * which miss every cache. The zone's own name, and longer names with
 * QNAME_PASS, such as a list of all names of the zone, have no limit.
 *
 * SETTINGS
 *
 *    entry @settings 0 monitor=true
 *
 *    port[0] to port[3]   ports of the server; all 0: port 53
 *    prove      sources prove their address by a TCP connection to the server,
 *               see proof.h, and QNAME_LIMIT does not limit proven sources
 *    proof      seconds of a proof; 0: 600
 *    lookup_rate   lookups of sockets per second; 0: 20000
 *    netns      network namespace of the server, an ID of `ip netns set`; 0:
 *               that of the interface
 *    monitor    dry run: passes everything, counts as if it did not
 *
 * COUNTERS
 *
 *    counter qname_refused_queries_total @totals 0 refused "Queries refused."
 *
 * @totals 0: passed, dropped, refused, nxdomain, nodata, truncated (queries),
 * unread (packets to a port of the server that are no query for one name, or
 * fragments, and pass) and other (packets other than UDP to a port of the server). Each packet is
 * counted in one of these. limited (queries over a rate, also counted in
 * truncated or dropped), proofs and lookups_limited (see proof.h).
 *
 * NOTES
 *
 * reply.h builds the responses. A query that must not get a response, see
 * may_reply there, or with wrong sections after its question, is dropped instead
 * and counted as such. Queries over TCP and all other traffic pass: ssh, DHCP,
 * ARP, neighbour discovery.
 */
#include "bucket.h"
#include "dns.h"
#include "name_table.h"
#include "reply.h"

enum qname_action {
	QNAME_PASS = 0,
	QNAME_DROP = 1,
	QNAME_REFUSE = 2,
	QNAME_NXDOMAIN = 3,
	QNAME_NODATA = 4,
	QNAME_TRUNCATE = 5,
	QNAME_LIMIT = 6,
};

struct qname_rule {
	enum qname_action action;
	enum name_scope exact;
	__u64 packets;
	__u32 rate;
	__u32 burst AT_MOST(MAX_BURST);
	__u64 limited;
	struct bucket bucket;
};

struct settings {
	__u16 port[DNS_PORTS] DNS_PORTS_ALIGNED;
	bool monitor;
	bool prove;
	__u32 proof AT_MOST(MAX_PROOF);
	__u32 lookup_rate;
	__u32 netns;
};

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 refused;
	__u64 nxdomain;
	__u64 unread;
	__u64 other;
	__u64 nodata;
	__u64 truncated;
	__u64 limited;
	__u64 proofs;
	__u64 lookups_limited;
};

struct qname_scratch {
	struct packet_scratch packet;
	struct name_table_scratch name;
};

NAME_TABLE(xdp_map, struct qname_rule);

#include "proof.h"
#include "state.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct qname_scratch);
	__uint(max_entries, 1);
} scratch SEC(".maps");

/* True if a query is over the rate of its rule. */
static __always_inline bool is_limited(struct qname_rule *rule, bool is_proven)
{
	struct bucket_rate rate = bucket_rate_of(rule->rate, rule->burst);

	if (!rule->rate || is_proven || bucket_admit(&rule->bucket, &rate))
		return false;
	__sync_fetch_and_add(&rule->limited, 1);
	return true;
}

/* `is_proven`: QNAME_LIMIT does not limit the source. */
static __always_inline enum qname_action decide(const struct dns_query *query,
						struct qname_scratch *scratch,
						bool is_proven,
						struct totals *totals)
{
	struct name_table_match match;
	struct qname_rule *rule;

	/* No rule can match the root name. */
	if (query->name_length < 2)
		return QNAME_PASS;
	match = name_table_find(xdp_map, query->header, query->data_end,
				sizeof(struct dns_header),
				query->name_length - 1, &scratch->name);
	rule = match.value;
	if (!rule) {
		if (match.leaf)
			name_table_count(xdp_map, match.leaf);
		return name_table_action(match.leaf);
	}
	__sync_fetch_and_add(&rule->packets, 1);
	if (rule->action != QNAME_LIMIT)
		return rule->action;
	if (name_table_is_whole(&scratch->name) ||
	    !is_limited(rule, is_proven))
		return QNAME_PASS;
	totals->limited++;
	return QNAME_TRUNCATE;
}

static __always_inline bool is_response(enum qname_action action)
{
	return action >= QNAME_REFUSE && action <= QNAME_TRUNCATE;
}

static __always_inline void count_query(struct totals *totals,
					enum qname_action action)
{
	if (action == QNAME_DROP)
		totals->dropped++;
	else if (action == QNAME_REFUSE)
		totals->refused++;
	else if (action == QNAME_NXDOMAIN)
		totals->nxdomain++;
	else if (action == QNAME_NODATA)
		totals->nodata++;
	else if (action == QNAME_TRUNCATE)
		totals->truncated++;
	else
		totals->passed++;
}

static __always_inline __u8 rcode_of(enum qname_action action)
{
	if (action == QNAME_REFUSE)
		return DNS_RCODE_REFUSED;
	return action == QNAME_NXDOMAIN ? DNS_RCODE_NXDOMAIN :
					  DNS_RCODE_NOERROR;
}

static __always_inline int
apply_action(struct xdp_md *ctx, const struct packet *packet,
	     const struct dns_query *query, struct packet_scratch *scratch,
	     bool is_valid, enum qname_action action, bool monitor,
	     struct totals *totals)
{
	__u8 rcode, tc;

	if (is_response(action) && (!is_valid || !may_reply(ctx, packet)))
		action = QNAME_DROP;
	count_query(totals, action);
	if (monitor)
		return XDP_PASS;
	if (!is_response(action))
		return action == QNAME_DROP ? XDP_DROP : XDP_PASS;
	/* Known numbers would make the verifier follow each response. */
	rcode = opaque(scratch, rcode_of(action));
	tc = opaque(scratch, action == QNAME_TRUNCATE ? DNS_TC : 0);
	return send_reply(ctx, packet, query, scratch, rcode, tc);
}

/* True for a query, whatever its other sections are said to have. */
static __always_inline bool asks_one_question(const struct dns_header *dns)
{
	return !(dns->flags_high &
		 (DNS_QR | DNS_OPCODE_MASK << DNS_OPCODE_SHIFT)) &&
	       dns->qdcount == bpf_htons(1);
}

/* True for a query that gets a response; a server may answer others, too. */
static __always_inline bool is_valid_query(struct dns_query *query,
					   struct packet_scratch *scratch)
{
	bool is_valid = !parse_dns_records(query, scratch) &&
			!parse_dns_header(query->header, 0);

	query->edns = opaque(scratch, query->edns);
	return opaque(scratch, is_valid);
}

/* Proves the source of a TCP segment to the server. */
static __always_inline void take_segment(struct xdp_md *ctx,
					 const struct packet *packet,
					 const struct settings *settings,
					 struct pools *pools,
					 struct totals *totals)
{
	const struct tcphdr *tcp = segment_header(ctx, packet);
	struct source proof;

	if (settings->prove && tcp && !tcp->syn &&
	    find_proof(packet, pools, &proof))
		prove_source(ctx, packet, tcp, &proof, settings, pools,
			     totals);
}

static __always_inline int filter(struct xdp_md *ctx, struct packet *packet,
				  struct qname_scratch *scratch,
				  const struct settings *settings,
				  struct pools *pools, struct totals *totals)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct dns_query query;
	bool proven, is_valid;

	launder(ctx, &scratch->packet, packet);
	if (!is_dns_port(settings->port, packet->dest_port)) {
		totals->other++;
		return XDP_PASS;
	}
	if (packet->protocol == IPPROTO_TCP) {
		take_segment(ctx, packet, settings, pools, totals);
		totals->other++;
		return XDP_PASS;
	}
	/* A known answer would double the later paths of the verifier. */
	proven = opaque(&scratch->packet,
			settings->prove && is_proven(packet, pools));
	if (packet->fragment || find_dns_header(packet, data_end, &query) ||
	    !asks_one_question(query.header) ||
	    parse_dns_question(&query, &scratch->packet)) {
		totals->unread++;
		return XDP_PASS;
	}
	is_valid = is_valid_query(&query, &scratch->packet);
	return apply_action(ctx, packet, &query, &scratch->packet, is_valid,
			    opaque(&scratch->packet,
				   decide(&query, scratch, proven, totals)),
			    settings->monitor, totals);
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
	struct qname_scratch *memory = bpf_map_lookup_elem(&scratch, &key);

	if (!settings_entry || !totals_entry || !memory || !pools_entry)
		return XDP_PASS;
	if ((packet.protocol != IPPROTO_UDP &&
	     packet.protocol != IPPROTO_TCP) ||
	    !packet.transport) {
		if (packet.hidden) {
			totals_entry->dropped++;
			return settings_entry->monitor ? XDP_PASS : XDP_DROP;
		}
		totals_entry->other++;
		return XDP_PASS;
	}
	return filter(ctx, &packet, memory, settings_entry, pools_entry,
		      totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
