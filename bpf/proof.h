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
 * Include this file after the definitions of `struct settings`, with `proof`,
 * `lookup_rate` and `netns`, and of `struct totals`, with `proofs` and
 * `lookups_limited`.
 */
#ifndef COREXDP_PROOF_H
#define COREXDP_PROOF_H

#include <linux/tcp.h>

#include "pools.h"

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

static __always_inline __u64 proof_tag(const struct source_keys *keys,
				       const struct packet *packet)
{
	return source_tag(keys, packet, SOURCE_PROVEN, PROOF_IP4_BITS,
			  PROOF_IP6_BITS);
}

static __always_inline bool find_proof(const struct packet *packet,
				       const struct pools *pools,
				       struct source *proof)
{
	return source_find(&proofs, proofs_entries,
			   proof_tag(&pools->keys, packet), proof);
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

/* The TCP header of a segment or of its first fragment; NULL if it is cut. */
static __always_inline const struct tcphdr *
segment_header(struct xdp_md *ctx, const struct packet *packet)
{
	const struct tcphdr *tcp = packet->transport;

	return (void *)(tcp + 1) > (void *)(long)ctx->data_end ? NULL : tcp;
}

/*
 * Proves the source of a segment without SYN, if it is no fragment. The segments
 * of a proven source cost a lookup of the socket once in half the time of a
 * proof.
 */
static __always_inline void prove_source(struct xdp_md *ctx,
					 const struct packet *packet,
					 const struct tcphdr *tcp,
					 const struct source *proof,
					 const struct settings *settings,
					 struct pools *pools,
					 struct totals *totals)
{
	__u64 now = clock_now_coarse();
	__u64 seconds = settings->proof ? settings->proof : PROOF_SECONDS;
	struct rate lookups = {};

	if (seconds > MAX_PROOF)
		seconds = MAX_PROOF;
	if (!tcp->ack || tcp->rst || packet->fragment ||
	    proof_end(proof) > now + seconds * (TICKS_PER_SECOND / 2))
		return;
	lookups.rate = settings->lookup_rate;
	if (!lookups.rate)
		lookups.rate = PROOF_LOOKUPS;
	if (!pool_admit(&pools->lookups, &lookups)) {
		totals->lookups_limited++;
		return;
	}
	if (!has_connection(ctx, packet, tcp, settings->netns))
		return;
	totals->proofs++;
	*(volatile __u64 *)&proof->way->bucket.full =
		now + seconds * TICKS_PER_SECOND;
	source_keep(proof);
}

/* True if the source has proven its address. */
static __always_inline bool is_proven(const struct packet *packet,
				      const struct pools *pools)
{
	struct source proof;

	return find_proof(packet, pools, &proof) &&
	       proof_end(&proof) > clock_now_coarse();
}

#endif
