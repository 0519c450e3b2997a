/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys for a longest-prefix match over addresses of both families.
 *
 * An IPv4 address a.b.c.d is stored as ::ffff:a.b.c.d (RFC 4291 section
 * 2.5.5.2), so 10.0.0.0/8 is ::ffff:10.0.0.0/104. An `entry` line may use
 * either form. ::/0 covers both families, 0.0.0.0/0 only IPv4.
 */
#ifndef COREXDP_PREFIX_H
#define COREXDP_PREFIX_H

#include "packet.h"

#define ADDRESS_BITS 128

struct address {
	__be32 word[4];
};

/* Key of an LPM trie, 20 bytes. */
struct prefix {
	__u32 bits;
	struct address address;
};

static __always_inline struct address
source_address(const struct packet *packet)
{
	struct address address;

	if (packet->version == 6) {
		__builtin_memcpy(&address, packet->source.ip6, sizeof(address));
		return address;
	}
	address.word[0] = 0;
	address.word[1] = 0;
	address.word[2] = bpf_htonl(0xffff);
	address.word[3] = packet->source.ip4;
	return address;
}

/* Key for the lookup of the longest prefix that matches a packet's source. */
static __always_inline struct prefix source_prefix(const struct packet *packet)
{
	struct prefix prefix = {
		.bits = ADDRESS_BITS,
		.address = source_address(packet),
	};

	return prefix;
}

/* Mask of the first `bits` of a 32-bit word, in host byte order. */
static __always_inline __u32 prefix_mask(__u32 bits)
{
	return bits >= 32 ? ~0U : ~(~0U >> bits);
}

/* Clears all but the first `bits` of 128. */
static __always_inline struct address mask_address(struct address address,
						   __u32 bits)
{
	for (int i = 0; i < 4; i++) {
		address.word[i] &= bpf_htonl(prefix_mask(bits));
		bits = bits > 32 ? bits - 32 : 0;
	}
	return address;
}

#endif
