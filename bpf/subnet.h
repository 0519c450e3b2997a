/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which sources a rule speaks of.
 *
 * A rule has an IPv4 network with its mask and an IPv6 one, and a family:
 *
 *   SUBNET_IPV4, SUBNET_IPV6   that family only, whatever else is filled in
 *   SUBNET_ANY (0)             each family whose network or mask is filled
 *                              in; when neither's is, every IP packet
 *
 * So a rule that leaves the family out and fills one network in speaks of that
 * network; the family is needed only for "all of IPv4" and "all of IPv6".
 *
 * An address is in a network when its bits under the mask equal the network.
 * A network with bits outside its mask holds no address: a forgotten mask
 * thus makes a rule that does nothing, not one that meets everybody.
 */
#ifndef COREXDP_SUBNET_H
#define COREXDP_SUBNET_H

#include "packet.h"

enum subnet_family {
	SUBNET_ANY = 0,
	SUBNET_IPV4 = 4,
	SUBNET_IPV6 = 6,
};

/*
 * Whether the source of an IP packet is one that the rule speaks of. The IPv6
 * network and mask are 16 bytes each, aligned to 8.
 */
static __always_inline bool subnet_matches(const struct packet *packet,
					   enum subnet_family family,
					   __be32 ip4_net, __be32 ip4_mask,
					   const __u8 *ip6_net,
					   const __u8 *ip6_mask)
{
	const __u64 *net = (const __u64 *)ip6_net;
	const __u64 *mask = (const __u64 *)ip6_mask;
	__u64 ip4 = ip4_net | ip4_mask;
	__u64 ip6 = net[0] | net[1] | mask[0] | mask[1];
	bool is_ip4 = packet->version == 4;

	if (family != SUBNET_ANY) {
		if (family != packet->version)
			return false;
	} else if (!(is_ip4 ? ip4 : ip6) && (ip4 | ip6)) {
		return false;
	}
	if (is_ip4)
		return (packet->source.ip4 & ip4_mask) == ip4_net;
	return (packet->source.ip6[0] & mask[0]) == net[0] &&
	       (packet->source.ip6[1] & mask[1]) == net[1];
}

#endif
