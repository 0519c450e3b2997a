/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a box must hear to stay reachable, and what thus passes by default:
 *
 *   ssh     TCP to port 22
 *   DHCP    UDP to ports 67 and 68, DHCPv6 to 546 and 547
 *   ND      router and neighbour discovery of IPv6 (ICMPv6 133 to 137), from the
 *           wire itself: with a hop limit of 255, which no router lets through
 *   ARP     and whatever else is no IP packet: always
 *
 * Anybody may send to these ports. `manage=true` in a program's settings has
 * it filter the first three like all else.
 */
#ifndef COREXDP_MANAGEMENT_H
#define COREXDP_MANAGEMENT_H

#include "packet.h"

#define SSH_PORT 22
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547

#define NDISC_ROUTER_SOLICITATION 133
#define NDISC_REDIRECT 137
#define NDISC_HOP_LIMIT 255

static __always_inline bool is_management(const struct packet *packet)
{
	if (packet->protocol == IPPROTO_TCP)
		return packet->dest_port == SSH_PORT;
	if (packet->protocol == IPPROTO_UDP)
		return packet->dest_port == DHCP_SERVER_PORT ||
		       packet->dest_port == DHCP_CLIENT_PORT ||
		       packet->dest_port == DHCP6_CLIENT_PORT ||
		       packet->dest_port == DHCP6_SERVER_PORT;
	return packet->icmp6_type >= NDISC_ROUTER_SOLICITATION &&
	       packet->icmp6_type <= NDISC_REDIRECT &&
	       packet->hop_limit == NDISC_HOP_LIMIT;
}

#endif
