/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parses the link header: Ethernet, VLAN tags and a PPPoE session. */
#ifndef COREXDP_LINK_H
#define COREXDP_LINK_H

#include "frame.h"

/* Loop bound: the verifier accepts bounded loops only. */
#define MAX_VLAN_TAGS 3

/* Three VLAN tags and PPPoE make an Ethernet header of 34 bytes. */
#define LINK_HEADER_MASK 0x3f

/* PPP protocol numbers (RFC 1332 and RFC 5072). */
#define PPP_IP 0x0021
#define PPP_IPV6 0x0057

/* The first header of a frame. */
enum __attribute__((packed)) link_header {
	LINK_ETHERNET = 0,
	LINK_IP = 1, /* ppp, tun and WireGuard interfaces */
};

#ifndef LINK_HEADER
#define LINK_HEADER LINK_ETHERNET
#endif

/* Set before the program is loaded, so the verifier knows the value. */
const volatile enum link_header corexdp_link_header = LINK_HEADER;

/* RFC 2516 section 4. Session 0x8864 has PPP frames. */
static __always_inline __be16 parse_pppoe(struct cursor *cursor,
					  struct packet *packet)
{
	struct {
		__u8 version_type;
		__u8 code;
		__be16 session;
		__be16 length; /* of the PPP frame */
		__be16 protocol;
	} *pppoe = cursor_pull(cursor, sizeof(*pppoe));

	if (!pppoe)
		return 0;
	packet->pppoe = true;
	if (pppoe->protocol == bpf_htons(PPP_IP))
		return bpf_htons(ETH_P_IP);
	if (pppoe->protocol == bpf_htons(PPP_IPV6))
		return bpf_htons(ETH_P_IPV6);
	return bpf_htons(ETH_P_PPP_SES);
}

static __always_inline bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) ||
	       ethertype == bpf_htons(ETH_P_8021AD) ||
	       ethertype == bpf_htons(ETH_P_QINQ1);
}

static __always_inline void parse_ethhdr(struct cursor *cursor,
					 struct packet *packet)
{
	struct ethhdr *eth = cursor_pull(cursor, sizeof(*eth));
	struct {
		__be16 tci;
		__be16 ethertype;
	} *vlan;
	__be16 ethertype;

	if (!eth)
		return;
	ethertype = eth->h_proto;
	for (int i = 0; i < MAX_VLAN_TAGS && is_vlan(ethertype); i++) {
		vlan = cursor_pull(cursor, sizeof(*vlan));
		if (!vlan)
			return;
		ethertype = vlan->ethertype;
	}
	if (ethertype == bpf_htons(ETH_P_PPP_SES))
		ethertype = parse_pppoe(cursor, packet);
	packet->ethertype = bpf_ntohs(ethertype);
}

/* For a frame that begins with an IP header: version in the first four bits. */
static __always_inline void parse_version(const struct cursor *cursor,
					  struct packet *packet)
{
	const __u8 *first = cursor->pos;

	if ((void *)(first + 1) > cursor->data_end)
		return;
	if (*first >> 4 == 4)
		packet->ethertype = ETH_P_IP;
	else if (*first >> 4 == 6)
		packet->ethertype = ETH_P_IPV6;
}

/*
 * Makes the verifier forget the length of the link header. The verifier would
 * otherwise follow the later code once for each number of tags, with PPPoE and
 * without. The difference of two pointers is an unknown number to the verifier.
 * `pos` is written before `data` is read, so the two must not share a register.
 */
static __always_inline void forget_link_header(struct cursor *cursor,
					       void *data)
{
	asm volatile("%[pos] -= %[data]\n\t"
		     "%[pos] &= %[mask]\n\t"
		     "%[pos] += %[data]"
		     : [pos] "+&r"(cursor->pos)
		     : [data] "r"(data), [mask] "i"(LINK_HEADER_MASK));
}

#endif
