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

enum __attribute__((packed)) subnet_family {
	SUBNET_ANY = 0,
	SUBNET_IPV4 = 4,
	SUBNET_IPV6 = 6,
};

/* True if any bit is set in 16 bytes. */
static __always_inline bool has_bit(const __u32 *words)
{
	return words[0] | words[1] | words[2] | words[3];
}

/* True if the rule matches an IPv4 source. `ip6_net` and `ip6_mask`: 16 bytes. */
static __always_inline bool
subnet_matches_ip4(__be32 source, enum subnet_family family, __be32 ip4_net,
		   __be32 ip4_mask, const __u32 *ip6_net, const __u32 *ip6_mask)
{
	if ((source & ip4_mask) != ip4_net)
		return false;
	if (family != SUBNET_ANY)
		return family == SUBNET_IPV4;
	return (ip4_net | ip4_mask) || !(has_bit(ip6_net) || has_bit(ip6_mask));
}

/*
 * True if the rule matches an IPv6 source, 16 bytes. Few branches cost the
 * verifier least.
 */
static __always_inline bool
subnet_matches_ip6(const __u32 *source, enum subnet_family family,
		   __be32 ip4_net, __be32 ip4_mask, const __u32 *ip6_net,
		   const __u32 *ip6_mask)
{
	/* The first word tells most networks apart. */
	if ((source[0] & ip6_mask[0]) != ip6_net[0])
		return false;
	if (family == SUBNET_ANY ?
		    (ip4_net | ip4_mask) && !has_bit(ip6_mask) :
		    family != SUBNET_IPV6)
		return false;
	return !(((source[1] & ip6_mask[1]) ^ ip6_net[1]) |
		 ((source[2] & ip6_mask[2]) ^ ip6_net[2]) |
		 ((source[3] & ip6_mask[3]) ^ ip6_net[3]));
}

#endif
