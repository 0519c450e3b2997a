/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traffic that a machine needs to stay reachable, which passes by default:
 *
 *   ssh      TCP to port 22
 *   DHCP     UDP to ports 67 and 68, DHCPv6 to 546 and 547
 *   ND       IPv6 router and neighbour discovery: ICMPv6 types 133 to 137 with
 *            a hop limit of 255, which no forwarded packet has (RFC 4861
 *            section 7.1.1)
 *   MLD      ICMPv6 types 130 to 132 and 143 from a link-local address or ::
 *            (RFC 3810 section 5, RFC 3590). A snooping switch whose queries
 *            get no answer stops forwarding neighbour solicitations
 *   IGMP     with a hop limit of 1, which no router forwards (RFC 2236 section
 *            2, RFC 3376 section 4). A snooping switch whose queries get no
 *            answer stops forwarding multicast, IPTV for example
 *   errors   ICMP types 3, 11 and 12, ICMPv6 types 1 to 4, from any router.
 *            Without "packet too big", long packets to some destinations are
 *            lost; without the others, connections hang instead of failing
 *            (RFC 4890 section 4.3.1)
 *   ARP      always, like all other traffic that is not IP
 *
 * Any host can send such packets. With the setting `manage=true`, a program
 * filters such packets like all other traffic.
 */
#ifndef COREXDP_MANAGEMENT_H
#define COREXDP_MANAGEMENT_H

#include "packet.h"

#define SSH_PORT 22
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547

static __always_inline bool is_management(const struct packet *packet)
{
	if (packet->protocol == IPPROTO_TCP)
		return packet->dest_port == SSH_PORT;
	if (packet->protocol == IPPROTO_UDP)
		return packet->dest_port == DHCP_SERVER_PORT ||
		       packet->dest_port == DHCP_CLIENT_PORT ||
		       packet->dest_port == DHCP6_CLIENT_PORT ||
		       packet->dest_port == DHCP6_SERVER_PORT;
	return packet->ip_control;
}

#endif
