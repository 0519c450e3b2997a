/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes the verifier forget how a packet was parsed.
 *
 * It follows each way through the headers by itself: tags, options, one to six
 * extensions. What comes after them it would follow as many times, and give up.
 * Numbers that have been in a map and back are any numbers to it, so all ways
 * become one.
 */
#ifndef COREXDP_LAUNDER_H
#define COREXDP_LAUNDER_H

#include "packet.h"

/* Two tags and six extensions are shorter. */
#define HEADER_OFFSET_MASK 0x3fff

/* What is kept of a packet meanwhile; an entry of a per-CPU array. */
struct packet_scratch {
	__u32 ip;
	__u32 transport;
	__u32 version;
	__u32 port;
	__u32 source_port;
	__u32 protocol;
	__u32 plain;
	__u32 fragment;
	__u64 source[2];
	__u32 number;
	__u32 padding;
};

/* The same number, of which nothing is known. */
static __always_inline __u32 opaque(volatile struct packet_scratch *scratch,
				    __u32 number)
{
	scratch->number = number;
	return scratch->number;
}

static __always_inline void
scratch_store(volatile struct packet_scratch *scratch,
	      const struct packet *packet, void *data)
{
	scratch->ip = packet->ip - data;
	scratch->transport = packet->transport - data;
	scratch->version = packet->version;
	scratch->port = packet->dest_port;
	scratch->source_port = packet->source_port;
	scratch->protocol = packet->protocol;
	scratch->plain = packet->plain;
	scratch->fragment = packet->fragment;
	scratch->source[0] = packet->version == 4 ? packet->source.ip4 :
						    packet->source.ip6[0];
	scratch->source[1] = packet->source.ip6[1];
}

static __always_inline void
scratch_load(const volatile struct packet_scratch *scratch,
	     struct packet *packet, void *data)
{
	packet->ip = bounded_add(data, scratch->ip, HEADER_OFFSET_MASK);
	packet->transport =
		bounded_add(data, scratch->transport, HEADER_OFFSET_MASK);
	packet->version = scratch->version;
	packet->dest_port = scratch->port;
	packet->source_port = scratch->source_port;
	packet->protocol = scratch->protocol;
	packet->plain = scratch->plain;
	packet->fragment = scratch->fragment;
	packet->source.ip6[0] = scratch->source[0];
	packet->source.ip6[1] = scratch->source[1];
}

/* For packets that have a header of TCP or UDP. */
static __always_inline void launder(struct xdp_md *ctx,
				    struct packet_scratch *scratch,
				    struct packet *packet)
{
	void *data = (void *)(long)ctx->data;

	scratch_store(scratch, packet, data);
	scratch_load(scratch, packet, data);
}

#endif
