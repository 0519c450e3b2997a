/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sources that have proven their address by a TCP connection to the server.
 *
 * A client that gets a truncated response (TC) connects over TCP. A forged
 * source never sees the handshake, so it has no established connection. The
 * first segment after the handshake proves the source: its address of IPv4, or
 * its /64 of IPv6. The queries of a proven source over UDP have a rate of their
 * own when the rates of unknown sources are exhausted.
 *
 * Only the state ESTABLISHED proves a source. A listener, a handshake under way
 * and a Fast Open connection in SYN_RECV prove nothing: their segments may be
 * forged. A segment of a live connection may be forged, too, but its source is
 * proven anyway.
 *
 * The socket is looked for in the network namespace of the interface, or in the
 * one with the ID `netns` (`ip netns set NAME ID`). A server behind NAT, on
 * another host or bound to a device above the interface has no such socket.
 * Its clients are not proven, and stay at TCP as without a proof.
 *
 * bpf_skc_lookup_tcp needs Linux 5.2.
 *
 * Include this file after the definitions of `struct settings`, with `new_rate`,
 * `new_burst`, `proof`, `proven_rate`, `proven_burst`, `lookup_rate`, `netns`,
 * `syn_rate`, `syn_burst`, `syn_total_rate` and `syn_total_burst`, and of
 * `struct totals`, with `new_sources`, `new_limited`, `proofs`,
 * `lookups_limited` and `syns_limited`.
 */
#ifndef COREXDP_PROOF_H
#define COREXDP_PROOF_H

#include <linux/tcp.h>

#include "rates.h"

/* 32,768 sources in 512 KiB. */
#define PROOF_SETS 8192
#define PROOF_IP4_BITS 32
#define PROOF_IP6_BITS 64
/* Default of `proof`, in seconds. */
#define PROOF_SECONDS 600
/* Default of `lookup_rate`: lookups of sockets per second. */
#define PROOF_LOOKUPS 20000

/* `bucket` of a way has the time at which the proof ends. */
SOURCE_TABLE(proofs, PROOF_SETS);
/* Token buckets of handshakes, apart from those of queries. */
SOURCE_TABLE(syn_sources, SOURCE_FEW_SETS);

/* True if the settings handle segments to the server apart from queries. */
static __always_inline bool is_proving(const struct settings *settings)
{
	return settings->proven_rate | settings->syn_rate |
	       settings->syn_total_rate;
}

/* The pool of new sources, see rates.h. */
static __always_inline struct source_pool
new_sources_pool(struct pools *pools, const struct settings *settings,
		 struct totals *totals)
{
	struct source_pool pool = {
		.pools = pools,
		.rate = { settings->new_rate, settings->new_burst },
		.admitted = &totals->new_sources,
		.limited = &totals->new_limited,
	};

	return pool;
}

static __always_inline __u64 proof_tag(const struct source_keys *keys,
				       const struct packet *packet)
{
	return source_tag(keys, packet, SOURCE_PROVEN, PROOF_IP4_BITS,
			  PROOF_IP6_BITS);
}

/* The end of the proof of this source, 0 if there is none. */
static __always_inline __u64 proof_end(const struct source *proof)
{
	return source_is_new(proof) ? 0 :
				      *(volatile __u64 *)&proof->way->bucket.full;
}

/* True if the socket of this connection is established. */
static __always_inline bool is_established(struct xdp_md *ctx,
					   struct bpf_sock_tuple *tuple,
					   __u32 size, __u32 netns)
{
	struct bpf_sock *socket = bpf_skc_lookup_tcp(
		ctx, tuple, size, netns ? netns : (__u64)BPF_F_CURRENT_NETNS,
		0);
	__u32 state;

	if (!socket)
		return false;
	state = socket->state;
	bpf_sk_release(socket);
	return state == BPF_TCP_ESTABLISHED;
}

/* One lookup for each family: the verifier needs a constant size. */
static __always_inline bool has_connection(struct xdp_md *ctx,
					   const struct packet *packet,
					   const struct tcphdr *tcp,
					   __u32 netns)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct bpf_sock_tuple tuple = {};
	struct iphdr *ip4 = packet->ip;
	struct ipv6hdr *ip6 = packet->ip;

	if (packet->version == 4) {
		if ((void *)(ip4 + 1) > data_end)
			return false;
		tuple.ipv4.saddr = ip4->saddr;
		tuple.ipv4.daddr = ip4->daddr;
		tuple.ipv4.sport = tcp->source;
		tuple.ipv4.dport = tcp->dest;
		return is_established(ctx, &tuple, sizeof(tuple.ipv4), netns);
	}
	if ((void *)(ip6 + 1) > data_end)
		return false;
	__builtin_memcpy(tuple.ipv6.saddr, &ip6->saddr, sizeof(ip6->saddr));
	__builtin_memcpy(tuple.ipv6.daddr, &ip6->daddr, sizeof(ip6->daddr));
	tuple.ipv6.sport = tcp->source;
	tuple.ipv6.dport = tcp->dest;
	return is_established(ctx, &tuple, sizeof(tuple.ipv6), netns);
}

/*
 * Takes a token of a handshake from its source and from all sources; false if
 * the handshake is over a rate.
 */
static __always_inline bool admit_syn(const struct packet *packet,
				      const struct settings *settings,
				      struct pools *pools)
{
	const struct rate rate = { settings->syn_rate, settings->syn_burst };
	const struct rate total = { settings->syn_total_rate,
				    settings->syn_total_burst };

	if (rate.rate &&
	    !source_admit(&syn_sources, SOURCE_FEW_SETS,
			  source_tag(&pools->keys, packet, SOURCE_NETWORK,
				     0, 0),
			  &rate))
		return false;
	return pool_admit(&pools->syns, &total);
}

/*
 * Handles a TCP segment to the server: proves its source, or limits handshakes
 * of sources that are not proven. False if the segment is over a rate. Segments
 * of a proven source cost a lookup of the socket once in half the time of a
 * proof.
 */
static __always_inline bool admit_segment(struct xdp_md *ctx,
					  const struct packet *packet,
					  const struct settings *settings,
					  struct pools *pools,
					  struct totals *totals)
{
	struct tcphdr *tcp = packet->transport;
	__u64 now = clock_now_coarse();
	__u64 seconds = settings->proof ? settings->proof : PROOF_SECONDS;
	struct rate lookups = {};
	struct source proof;
	__u64 end;

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end ||
	    packet->fragment || tcp->rst ||
	    !source_find(&proofs, PROOF_SETS,
			 proof_tag(&pools->keys, packet), &proof))
		return true;
	if (seconds > MAX_PROOF)
		seconds = MAX_PROOF;
	end = proof_end(&proof);
	if (tcp->syn) {
		if (tcp->ack || end > now ||
		    admit_syn(packet, settings, pools))
			return true;
		totals->syns_limited++;
		return false;
	}
	if (!settings->proven_rate || !tcp->ack ||
	    end > now + seconds * (TICKS_PER_SECOND / 2))
		return true;
	lookups.rate = settings->lookup_rate;
	if (!lookups.rate)
		lookups.rate = PROOF_LOOKUPS;
	if (!pool_admit(&pools->lookups, &lookups)) {
		totals->lookups_limited++;
		return true;
	}
	if (!has_connection(ctx, packet, tcp, settings->netns))
		return true;
	totals->proofs++;
	*(volatile __u64 *)&proof.way->bucket.full =
		now + seconds * TICKS_PER_SECOND;
	*(volatile __u64 *)&proof.way->tag = proof.tag;
	return true;
}

/* True if the source is proven and within the rate of proven sources. */
static __always_inline bool admit_proven(const struct packet *packet,
					 const struct settings *settings,
					 struct pools *pools)
{
	const struct rate rate = { settings->proven_rate,
				   settings->proven_burst };
	struct source proof;
	__u64 tag;

	if (!rate.rate)
		return false;
	tag = proof_tag(&pools->keys, packet);
	return source_find(&proofs, PROOF_SETS, tag, &proof) &&
	       proof_end(&proof) > clock_now_coarse() &&
	       source_admit(&sources, SOURCE_SETS, tag, &rate);
}

#endif
