/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes the verifier forget how a packet was parsed.
 *
 * It follows each way through the headers by itself: tags, options, one to six
 * extensions. What comes after them it would follow as many times, and give up.
 * Numbers that have been in a map and back are any numbers to it, so all ways
 * become one.
 */
#ifndef COREXDP_SETTLE_H
#define COREXDP_SETTLE_H

#include "packet.h"

/* Two tags and six extensions are shorter. */
#define SETTLE_MOST 0x3fff

/* What is kept of a packet meanwhile; an entry of a per-CPU array. */
struct settled {
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
static __always_inline __u32 forget(volatile struct settled *settled,
				    __u32 number)
{
	settled->number = number;
	return settled->number;
}

static __always_inline void settle_write(volatile struct settled *settled,
					 const struct packet *packet,
					 void *data)
{
	settled->ip = packet->ip - data;
	settled->transport = packet->transport - data;
	settled->version = packet->version;
	settled->port = packet->port;
	settled->source_port = packet->source_port;
	settled->protocol = packet->protocol;
	settled->plain = packet->plain;
	settled->fragment = packet->fragment;
	settled->source[0] = packet->version == 4 ? packet->source.ip4 :
						    packet->source.ip6[0];
	settled->source[1] = packet->source.ip6[1];
}

static __always_inline void settle_read(const volatile struct settled *settled,
					struct packet *packet, void *data)
{
	packet->ip = behind(data, settled->ip, SETTLE_MOST);
	packet->transport = behind(data, settled->transport, SETTLE_MOST);
	packet->version = settled->version;
	packet->port = settled->port;
	packet->source_port = settled->source_port;
	packet->protocol = settled->protocol;
	packet->plain = settled->plain;
	packet->fragment = settled->fragment;
	packet->source.ip6[0] = settled->source[0];
	packet->source.ip6[1] = settled->source[1];
}

/* For packets that have a header of TCP or UDP. */
static __always_inline void settle(struct xdp_md *ctx, struct settled *settled,
				   struct packet *packet)
{
	void *data = (void *)(long)ctx->data;

	settle_write(settled, packet, data);
	settle_read(settled, packet, data);
}

#endif
