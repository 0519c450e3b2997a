/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes the verifier forget how a packet was parsed.
 *
 * The verifier follows every path through the headers separately: VLAN tags,
 * IPv4 options, zero to six IPv6 extension headers. It would verify the code
 * after the parser once for each path, and exceed its limit of instructions.
 * Values that were written to a map and read back are unknown scalars to the
 * verifier, so that all paths become one.
 */
#ifndef COREXDP_LAUNDER_H
#define COREXDP_LAUNDER_H

#include "packet.h"

/*
 * Mask for offsets of the IP and the transport header. Three VLAN tags, PPPoE
 * and six extension headers of at most 2048 bytes each are shorter.
 */
#define HEADER_OFFSET_MASK 0x3fff

/* The parsed fields of a packet; a value of a per-CPU array. */
struct packet_scratch {
	__u32 ip;
	__u32 transport;
	__u32 version;
	__u32 port;
	__u32 source_port;
	__u32 protocol;
	__u32 plain;
	__u32 fragment;
	__u32 hidden;
	__u32 ip_control;
	__u64 source[2];
	__u32 number;
	__u32 pppoe;
};

/* Returns `number`, whose bounds the verifier then does not know. */
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
	scratch->pppoe = packet->pppoe;
	scratch->fragment = packet->fragment;
	scratch->hidden = packet->hidden;
	scratch->ip_control = packet->ip_control;
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
	packet->pppoe = scratch->pppoe;
	packet->fragment = scratch->fragment;
	packet->hidden = scratch->hidden;
	packet->ip_control = scratch->ip_control;
	packet->source.ip6[0] = scratch->source[0];
	packet->source.ip6[1] = scratch->source[1];
}

/*
 * For an IP packet. A packet without ports gets a pointer to its IP header in
 * place of the transport header: no code reads ports that are not there.
 */
static __always_inline void launder(struct xdp_md *ctx,
				    struct packet_scratch *scratch,
				    struct packet *packet)
{
	void *data = (void *)(long)ctx->data;

	if (!packet->transport)
		packet->transport = packet->ip;
	scratch_store(scratch, packet, data);
	scratch_load(scratch, packet, data);
}

#endif
