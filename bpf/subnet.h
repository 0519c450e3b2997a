/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Matches the source of a packet against a rule.
 *
 * A rule has an IPv4 network and mask, an IPv6 network and mask, and a family:
 *
 *   SUBNET_IPV4, SUBNET_IPV6   that family only, even if the network of the
 *                              other family is set
 *   SUBNET_ANY (0)             each family whose network or mask is not zero;
 *                              if all are zero, every IP packet
 *
 * A rule that leaves the family out and sets one network thus matches that
 * network. The family is needed only for "all of IPv4" and "all of IPv6".
 *
 * An address matches when its bits under the mask equal the network. A network
 * with bits outside its mask matches no address: a rule without a mask does
 * nothing, instead of matching everybody.
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
 * True if the rule matches the source of an IP packet. The IPv6 network and
 * mask are 16 bytes each, aligned to 8.
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
