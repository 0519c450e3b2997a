// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dns: protects a DNS server from malformed queries, unwanted query types and
 * floods over UDP.
 *
 *   - Malformed queries are dropped.
 *   - Queries are counted by type, class and EDNS payload size.
 *   - Each query type can be dropped, refused or sent to TCP.
 *   - A source over its rate gets a truncated response (TC) from this program
 *     instead of the server. A real client then retries over TCP; a client with
 *     a forged address cannot.
 *
 * All other traffic passes unchanged: TCP, ssh, DHCP, ARP, neighbour discovery.
 *
 * MAPS
 *
 *    entry 255 action=DNS_TRUNCATE
 *    entry 10  action=DNS_DROP
 *
 * xdp_map is a per-CPU array. KEY is a query type from 1 to 511 (A is 1, AAAA
 * 28, ANY 255); 0 stands for all types above 511. A value, 16 bytes:
 *
 *    action     DNS_PASS (0), DNS_DROP, DNS_REFUSE (respond with REFUSED) or
 *               DNS_TRUNCATE (respond with TC: retry over TCP)
 *    packets    counter: valid queries of this type
 *
 * SETTINGS
 *
 *    entry @settings 0 rate=50 burst=100 slip=2
 *
 *    port[0] to port[3]   ports of the server; all 0: port 53
 *    rate, burst   queries per second of one source, and queries of a burst (0:
 *                  as many as `rate`); rate=0: no limit
 *    ip4_bits, ip6_bits   prefix length of a source; 0: 24 and 56
 *    address_rate, link_rate, site_rate   rates of other prefix lengths of the
 *                  source, see rates.h; with address_burst and so on
 *    new_rate, new_burst   rate of all new sources together, see rates.h; 0: no
 *                  limit
 *    proven_rate, proven_burst   rate of a source that has proven its address by
 *                  a TCP connection, see proof.h; 0: no proofs. Segments to the
 *                  server then take no tokens of other limits
 *    proof      seconds of a proof; 0: 600
 *    lookup_rate   lookups of sockets per second; 0: 20000
 *    netns      network namespace of the server, an ID of `ip netns set`; 0:
 *                  that of the interface
 *    syn_rate, syn_burst, syn_total_rate, syn_total_burst   rate of TCP
 *                  handshakes of each source, and of all; 0: no limit
 *    answer_rate, answer_burst   rate of all responses together; 0: no limit
 *    slip          on average one of `slip` queries over the rate gets a
 *                  response, the others are dropped; 0 and 1: no query is
 *                  dropped
 *    cookie_rate, cookie_burst   rate and burst of queries with a server cookie
 *                  (RFC 7873) as their first option; 0: as `rate` and `burst`.
 *                  Such queries have their own bucket, so a flood without
 *                  cookies takes none of their tokens. Without a secret in
 *                  @secrets, the program does not verify cookies: queries with
 *                  forged cookies use the same bucket
 *    opcodes       a bit for each opcode that passes unparsed besides QUERY:
 *                  0x10 is NOTIFY, 0x20 is UPDATE; others are dropped. 0: all
 *                  pass, 1: only QUERY passes
 *    replies       verdict on responses to a port of the server, for a resolver
 *                  that sends its queries from this port: REPLIES_PASS (0),
 *                  REPLIES_LIMIT (reply_rate and reply_burst apply to each
 *                  source) or REPLIES_JUDGE (dropped as malformed queries)
 *    upstream[0], upstream[1]   ports of upstream servers; all 0: port 53
 *    only_in       drops queries of classes other than IN
 *    monitor       dry run: passes everything, counts as if it did not
 *
 * COUNTERS
 *
 *    counter dns_malformed_queries_total @totals 0 malformed "Malformed queries."
 *
 * @totals 0, in queries:
 *
 *    passed, dropped, refused, truncated   verdicts on well-formed queries
 *    malformed     dropped; by reason: fragment, bad_length, bad_qr,
 *                  bad_opcode, bad_counts, bad_name, bad_pointer
 *    limited       over the rate; dropped or truncated
 *    cookies       with a server cookie
 *    class_in, class_ch, class_any, class_other
 *    edns_none, edns_512 (up to 512), edns_1232, edns_4096, edns_more
 *
 * @totals 0 other_opcode, no_question: messages with an opcode other than
 * QUERY, and queries for a cookie alone. These messages take tokens of their
 * source as queries do, and are also counted in passed or dropped.
 * @totals 0 replies, replies_limited: responses to a port of the server, passed
 * and dropped.
 * @totals 0 other: packets other than UDP to a port of the server, also TCP
 * handshakes that are dropped.
 * @totals 0 new_sources, new_limited: see rates.h. proofs, proven (queries that
 * pass by a proof), lookups_limited, syns_limited: see proof.h. answers_limited:
 * over answer_rate, dropped. cookies_valid, cookies_forged, cookies_stale: see
 * cookie.h.
 * @rcodes CODE packets: responses from a port of the server, by RCODE.
 *
 * NOTES
 *
 * reply.h builds the responses. A query that must not get a response, see
 * may_reply there, is dropped instead and counted as such.
 */
#include "reply.h"
#include "dns_totals.h"
#include "scope.h"

#define DNS_TYPES 512

enum dns_action {
	DNS_PASS = 0,
	DNS_DROP = 1,
	DNS_REFUSE = 2,
	DNS_TRUNCATE = 3,
};

struct type_rule {
	enum dns_action action;
	__u64 packets;
};

struct settings {
	__u16 port[DNS_PORTS] DNS_PORTS_ALIGNED;
	__u32 rate;
	__u32 burst AT_MOST(MAX_BURST);
	__u32 cookie_rate;
	__u32 cookie_burst AT_MOST(MAX_BURST);
	__u32 slip;
	__u32 opcodes;
	__u8 ip4_bits AT_MOST(32);
	__u8 ip6_bits AT_MOST(128);
	bool only_in;
	bool monitor;
	enum replies replies;
	__u16 upstream[UPSTREAM_PORTS];
	__u32 reply_rate;
	__u32 reply_burst AT_MOST(MAX_BURST);
	__u32 address_rate;
	__u32 address_burst AT_MOST(MAX_BURST);
	__u32 link_rate;
	__u32 link_burst AT_MOST(MAX_BURST);
	__u32 site_rate;
	__u32 site_burst AT_MOST(MAX_BURST);
	__u32 new_rate;
	__u32 new_burst AT_MOST(MAX_BURST);
	__u32 proven_rate;
	__u32 proven_burst AT_MOST(MAX_BURST);
	__u32 proof AT_MOST(MAX_PROOF);
	__u32 lookup_rate;
	__u32 netns;
	__u32 answer_rate;
	__u32 answer_burst AT_MOST(MAX_BURST);
	__u32 syn_rate;
	__u32 syn_burst AT_MOST(MAX_BURST);
	__u32 syn_total_rate;
	__u32 syn_total_burst AT_MOST(MAX_BURST);
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct type_rule);
	__uint(max_entries, DNS_TYPES);
} xdp_map SEC(".maps");

#include "cookies.h"
#include "replies.h"
#include "segments.h"
#include "state.h"
#include "rcodes.h"

#include "scratch.h"

/* Returns the action for the type and class of a query, and counts the type. */
static __always_inline enum dns_action
apply_type_rule(const struct dns_query *query, const struct settings *settings)
{
	__u32 key = query->qtype < DNS_TYPES ? query->qtype : 0;
	struct type_rule *rule = bpf_map_lookup_elem(&xdp_map, &key);

	if (settings->only_in && query->qclass != DNS_CLASS_IN)
		return DNS_DROP;
	if (!rule)
		return DNS_PASS;
	rule->packets++;
	return rule->action;
}

/* True if the source network of a query has a rate. */
static __always_inline bool has_rate(const struct settings *settings)
{
	return settings->rate | settings->address_rate | settings->link_rate |
	       settings->site_rate;
}

/* The rate of queries with a server cookie. */
static __always_inline struct rate cookie_rate(const struct settings *settings)
{
	struct rate rate = { settings->cookie_rate, settings->cookie_burst };

	if (!rate.rate) {
		rate.rate = settings->rate;
		rate.burst = settings->burst;
	}
	return rate;
}

/*
 * Takes a token of a query without a valid cookie. `kind` and `rate`: of the
 * bucket of the network.
 */
static __always_inline bool admit_unknown(const struct packet *packet,
					  enum source_kind kind,
					  const struct rate *rate,
					  const struct settings *settings,
					  struct pools *pools,
					  struct totals *totals)
{
	const struct source_rates rates = {
		.address = { settings->address_rate, settings->address_burst },
		.link = { settings->link_rate, settings->link_burst },
		.network = *rate,
		.network_kind = kind,
		.site = { settings->site_rate, settings->site_burst },
		.ip4_bits = settings->ip4_bits,
		.ip6_bits = settings->ip6_bits,
	};
	const struct source_pool pool =
		new_sources_pool(pools, settings, totals);

	return sources_admit(packet, &rates, &pool) ||
	       admit_proven(packet, settings, pools, totals);
}

/* True if a query is within the rates of its source. */
static __always_inline bool admit(const struct packet *packet,
				  const struct dns_query *query,
				  bool has_cookie,
				  const struct settings *settings,
				  struct pools *pools, struct totals *totals)
{
	struct rate rate = { settings->rate, settings->burst };
	const struct rate cookies = cookie_rate(settings);
	enum source_kind kind = SOURCE_NETWORK;

	/* Without a rate of its own, no cookie may exempt from other rates. */
	has_cookie &= cookies.rate != 0;
	if (has_cookie && has_secret()) {
		if (count_cookie(packet, query, totals) == COOKIE_VALID)
			return admit_cookie(packet, &cookies, pools);
	} else if (has_cookie) {
		/* Anybody can send a cookie that is not verified. */
		kind = SOURCE_COOKIE;
		rate = cookies;
	}
	return admit_unknown(packet, kind, &rate, settings, pools, totals);
}

/* `query` is uninitialized if is_unparsed(error). */
static __always_inline enum dns_action
decide(const struct packet *packet, const struct dns_query *query,
       enum dns_error error, const struct settings *settings,
       struct packet_scratch *scratch, struct pools *pools,
       struct totals *totals)
{
	enum dns_action action = DNS_PASS;
	bool has_cookie = false;

	if (error == DNS_OK) {
		count_query(totals, query);
		has_cookie = query->cookie;
		action = apply_type_rule(query, settings);
	} else {
		count_unparsed(totals, error);
	}
	if (action != DNS_PASS || !has_rate(settings))
		return action;
	/* A known answer would double the later paths of the verifier. */
	if (opaque(scratch, admit(packet, query, has_cookie, settings, pools,
				  totals)))
		return DNS_PASS;
	totals->limited++;
	/* Only a query for a name can be sent to TCP. */
	if (error != DNS_OK)
		return DNS_DROP;
	if (settings->slip > 1 && bpf_get_prandom_u32() % settings->slip)
		return DNS_DROP;
	return DNS_TRUNCATE;
}

static __always_inline int
apply_action(struct xdp_md *ctx, const struct packet *packet,
	     const struct dns_query *query, struct packet_scratch *scratch,
	     enum dns_action action, const struct settings *settings,
	     struct pools *pools, struct totals *totals)
{
	if (action == DNS_PASS) {
		totals->passed++;
		return XDP_PASS;
	}
	if (action != DNS_DROP && (!may_reply(ctx, packet) ||
				   !admit_answer(settings, pools, totals)))
		action = DNS_DROP;
	if (action == DNS_DROP) {
		totals->dropped++;
		return settings->monitor ? XDP_PASS : XDP_DROP;
	}
	if (action == DNS_REFUSE)
		totals->refused++;
	else
		totals->truncated++;
	if (settings->monitor)
		return XDP_PASS;
	return send_reply(ctx, packet, query, scratch,
			  action == DNS_REFUSE ? DNS_RCODE_REFUSED :
						 DNS_RCODE_NOERROR,
			  action == DNS_TRUNCATE ? DNS_TC : 0);
}

/* A segment to a port of the server: see proof.h. */
static __always_inline int filter_segment(struct xdp_md *ctx,
					  const struct packet *packet,
					  const struct settings *settings,
					  struct pools *pools,
					  struct totals *totals)
{
	totals->other++;
	if (!is_proving(settings) ||
	    admit_segment(ctx, packet, settings, pools, totals) ||
	    settings->monitor)
		return XDP_PASS;
	return XDP_DROP;
}

static __always_inline int filter(struct xdp_md *ctx, struct packet *packet,
				  struct packet_scratch *scratch,
				  const struct settings *settings,
				  struct pools *pools, struct totals *totals)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct dns_query query;
	enum dns_error error;

	if (!is_dns_port(settings->port, packet->dest_port)) {
		totals->other++;
		if (packet->protocol == IPPROTO_UDP &&
		    is_dns_port(settings->port, packet->source_port))
			count_response(packet, data_end);
		return XDP_PASS;
	}
	if (packet->protocol == IPPROTO_TCP)
		return filter_segment(ctx, packet, settings, pools, totals);
	error = parse_dns_query(packet, data_end, settings->opcodes, scratch,
				&query);
	if (error == DNS_BAD_QR) {
		enum scope_verdict verdict =
			apply_fixed_port_reply(packet, settings, pools, totals);

		if (verdict == SCOPE_PASSED)
			count_response(packet, data_end);
		if (verdict != SCOPE_JUDGED)
			return verdict == SCOPE_PASSED || settings->monitor ?
				       XDP_PASS :
				       XDP_DROP;
	}
	if (error != DNS_OK && !is_unparsed(error)) {
		count_malformed(totals, error);
		return settings->monitor ? XDP_PASS : XDP_DROP;
	}
	return apply_action(ctx, packet, &query, scratch,
			    decide(packet, &query, error, settings, scratch,
				   pools, totals),
			    settings, pools, totals);
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
	if ((packet.protocol != IPPROTO_UDP &&
	     packet.protocol != IPPROTO_TCP) || !packet.transport) {
		if (packet.hidden) {
			totals_entry->dropped++;
			return settings_entry->monitor ? XDP_PASS : XDP_DROP;
		}
		totals_entry->other++;
		return XDP_PASS;
	}
	launder(ctx, scratch_entry, &packet);
	return filter(ctx, &packet, scratch_entry, settings_entry, pools_entry,
		      totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
