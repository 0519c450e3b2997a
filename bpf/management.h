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
 *            (RFC 3810 section 5, RFC 3590). A switch that snoops and gets no
 *            answer to its queries stops forwarding neighbour solicitations
 *   too big  ICMPv6 type 2, and ICMP type 3 code 4 over IPv4, from any router:
 *            without them, long packets to some destinations are lost (RFC 4890
 *            section 4.3.1)
 *   ARP      always, like all other traffic that is not IP
 *
 * Anybody can send such packets. The setting `manage=true` makes a program
 * filter them like all other traffic.
 */
#ifndef COREXDP_MANAGEMENT_H
#define COREXDP_MANAGEMENT_H

#include "packet.h"

#define SSH_PORT 22
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547

#define ICMP_DEST_UNREACH 3
#define ICMP_FRAG_NEEDED 4
#define ICMPV6_PKT_TOOBIG 2
#define ICMPV6_MGM_QUERY 130
#define ICMPV6_MGM_REDUCTION 132
#define ICMPV6_MLD2_REPORT 143
#define NDISC_ROUTER_SOLICITATION 133
#define NDISC_REDIRECT 137
#define NDISC_HOP_LIMIT 255

/* True for fe80::/10 and for ::, which a host has before its first address. */
static __always_inline bool is_link_local_or_unspecified(const __u32 *address)
{
	return (address[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000) ||
	       !(address[0] | address[1] | address[2] | address[3]);
}

/* True for the packets that IPv4 and IPv6 need for themselves. */
static __always_inline bool is_ip_control(const struct packet *packet)
{
	__u8 type = packet->icmp_type;

	if (!type)
		return false;
	if (packet->version == 4)
		return type == ICMP_DEST_UNREACH &&
		       packet->icmp_code == ICMP_FRAG_NEEDED;
	if (type >= NDISC_ROUTER_SOLICITATION && type <= NDISC_REDIRECT)
		return packet->hop_limit == NDISC_HOP_LIMIT;
	if ((type >= ICMPV6_MGM_QUERY && type <= ICMPV6_MGM_REDUCTION) ||
	    type == ICMPV6_MLD2_REPORT)
		return is_link_local_or_unspecified(packet->source.ip6_words);
	return type == ICMPV6_PKT_TOOBIG;
}

static __always_inline bool is_management(const struct packet *packet)
{
	if (packet->protocol == IPPROTO_TCP)
		return packet->dest_port == SSH_PORT;
	if (packet->protocol == IPPROTO_UDP)
		return packet->dest_port == DHCP_SERVER_PORT ||
		       packet->dest_port == DHCP_CLIENT_PORT ||
		       packet->dest_port == DHCP6_CLIENT_PORT ||
		       packet->dest_port == DHCP6_SERVER_PORT;
	return is_ip_control(packet);
}

#endif
