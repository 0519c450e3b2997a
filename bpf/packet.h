/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parses the headers of a frame: Ethernet, up to three VLAN tags, a PPPoE
 * session (RFC 2516), IPv4 with options, IPv6 with extension headers, the ports
 * of TCP and UDP, and the kind of an ICMP or ICMPv6 message. A frame with a
 * fourth tag or with MPLS, and a PPP frame of another protocol, count as no IP
 * packet. A tunnel in IP counts as a packet of the tunnel's protocol.
 *
 * A frame that is cut short or has wrong lengths is parsed as far as it is
 * sound. Only a complete IP header makes an IP packet. The kernel discards
 * malformed packets by itself, so no program needs to.
 */
#ifndef COREXDP_PACKET_H
#define COREXDP_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "control.h"

/* Loop bounds: the verifier accepts bounded loops only. */
#define MAX_VLAN_TAGS 3
#define MAX_EXTENSION_HEADERS 6

/* Three VLAN tags and PPPoE make an Ethernet header of 34 bytes. */
#define LINK_HEADER_MASK 0x3f

/* PPP protocol numbers (RFC 1332 and RFC 5072). */
#define PPP_IP 0x0021
#define PPP_IPV6 0x0057

/*
 * Bits of the fragment fields, in host byte order: RFC 791 section 3.1 and
 * RFC 8200 section 4.5. The names are those of the kernel's own headers.
 */
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define IP6_OFFSET 0xfff8
#define IP6_MF 0x0001

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

struct packet {
	__u16 ethertype;   /* ETH_P_*, after VLAN tags and PPPoE; 0: frame too short */
	__u8 version;      /* 4 or 6; 0: no IP packet */
	__u8 protocol;     /* IPPROTO_*, after IPv6 extension headers */
	__u8 hop_limit;    /* IPv4 time to live or IPv6 hop limit */
	bool ip_control;   /* an ICMP message that IP needs, see control.h */
	bool plain;        /* no IPv4 options, no IPv6 extension headers */
	bool pppoe;        /* in a PPPoE session */
	bool fragment;     /* any fragment, including the first */
	__u16 dest_port;   /* of TCP or UDP, host byte order; 0: none */
	__u16 source_port; /* likewise */
	void *ip;          /* IP header; NULL: no IP packet */
	void *transport;   /* TCP or UDP header; NULL: none */
	union {
		__be32 ip4;
		__u64 ip6[2]; /* in network byte order */
	} source;
};

/* The unparsed part of the frame. */
struct cursor {
	void *pos;
	void *data_end;
};

/*
 * Returns `base` plus `offset`; `mask` is a power of two minus one, and no
 * offset exceeds it. The mask shows the verifier an upper bound. It is applied
 * in assembly because the compiler would drop an AND that it knows to be
 * redundant, and verifiers before Linux 5.12 lose the bounds of a scalar that
 * is spilled to the stack.
 */
static __always_inline void *bounded_add(void *base, __u64 offset, __u32 mask)
{
	asm volatile("%[offset] &= %[mask]\n\t"
		     "%[base] += %[offset]"
		     : [base] "+r"(base), [offset] "+r"(offset)
		     : [mask] "i"(mask));
	return base;
}

/* The next `size` bytes; NULL if the frame ends before. */
static __always_inline void *cursor_pull(struct cursor *cursor, __u32 size)
{
	void *header = cursor->pos;

	if (header + size > cursor->data_end)
		return NULL;
	cursor->pos = header + size;
	return header;
}

static __always_inline void parse_ports(struct cursor *cursor,
					struct packet *packet)
{
	/* RFC 9293 section 3.1 and RFC 768: both headers begin with these. */
	struct {
		__be16 source;
		__be16 dest;
	} *ports;

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return;
	ports = cursor_pull(cursor, sizeof(*ports));
	if (!ports)
		return;
	packet->dest_port = bpf_ntohs(ports->dest);
	packet->source_port = bpf_ntohs(ports->source);
	packet->transport = ports;
}

static __always_inline void parse_icmphdr(struct cursor *cursor,
					  struct packet *packet)
{
	struct icmp_header *icmp = cursor_pull(cursor, sizeof(*icmp));

	packet->ip_control = icmp && is_ip4_control(icmp);
}

static __always_inline void parse_icmp6hdr(struct cursor *cursor,
					   struct packet *packet)
{
	struct icmp_header *icmp = cursor_pull(cursor, sizeof(*icmp));

	packet->ip_control = icmp && is_ip6_control(icmp, packet->hop_limit,
						    packet->source.ip6);
}

static __always_inline void parse_iphdr(struct cursor *cursor,
					struct packet *packet)
{
	struct iphdr *ip = cursor_pull(cursor, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return;
	packet->version = 4;
	packet->ip = ip;
	packet->protocol = ip->protocol;
	packet->hop_limit = ip->ttl;
	packet->plain = ip->ihl == 5;
	packet->fragment = ip->frag_off & bpf_htons(IP_MF | IP_OFFSET);
	packet->source.ip4 = ip->saddr;
	cursor->pos = (void *)ip + ip->ihl * 4;
	/* Only the first fragment has the ports. */
	if (ip->frag_off & bpf_htons(IP_OFFSET))
		return;
	parse_ports(cursor, packet);
	if (packet->protocol == IPPROTO_ICMP)
		parse_icmphdr(cursor, packet);
}

/*
 * Skips the extension headers (RFC 8200 section 4) and parses the payload
 * after them. If the frame ends within them, or there are more than
 * MAX_EXTENSION_HEADERS, `protocol` is the type of the first header that was
 * not skipped. A fragment with offset 0 and nothing after it is a whole packet
 * (RFC 6946).
 */
static __always_inline void parse_ip6hdrext(struct cursor *cursor,
					    struct packet *packet)
{
	/*
	 * The first 8 bytes of any extension header; `frag_off` is valid in a
	 * Fragment header only.
	 */
	struct {
		__u8 nexthdr;
		__u8 hdrlen;
		__be16 frag_off;
		__u32 reserved;
	} *ext;

	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		__u8 nexthdr = packet->protocol;

		if (nexthdr != IPPROTO_HOPOPTS && nexthdr != IPPROTO_ROUTING &&
		    nexthdr != IPPROTO_DSTOPTS && nexthdr != IPPROTO_FRAGMENT &&
		    nexthdr != IPPROTO_AH)
			break;
		ext = cursor_pull(cursor, sizeof(*ext));
		if (!ext)
			return;
		packet->protocol = ext->nexthdr;
		packet->plain = false;
		if (nexthdr == IPPROTO_FRAGMENT) {
			packet->fragment |= !!(
				ext->frag_off & bpf_htons(IP6_OFFSET | IP6_MF));
			if (ext->frag_off & bpf_htons(IP6_OFFSET))
				return;
		} else if (nexthdr == IPPROTO_AH) {
			/* RFC 4302 section 2.2: in 4-byte words, minus 2. */
			cursor->pos += ext->hdrlen * 4;
		} else {
			/* RFC 8200 section 4.3: in 8-byte words, minus 1. */
			cursor->pos += ext->hdrlen * 8;
		}
	}
	parse_ports(cursor, packet);
	if (packet->protocol == IPPROTO_ICMPV6)
		parse_icmp6hdr(cursor, packet);
}

static __always_inline void parse_ip6hdr(struct cursor *cursor,
					 struct packet *packet)
{
	struct ipv6hdr *ip = cursor_pull(cursor, sizeof(*ip));

	if (!ip || ip->version != 6)
		return;
	packet->version = 6;
	packet->ip = ip;
	packet->protocol = ip->nexthdr;
	packet->hop_limit = ip->hop_limit;
	packet->plain = true;
	__builtin_memcpy(packet->source.ip6, &ip->saddr, sizeof(ip->saddr));
	parse_ip6hdrext(cursor, packet);
}

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

/* A frame that begins with an IP header has its version in the first byte. */
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
 * Makes the verifier forget the length of the link header. It would follow the
 * code after it once for each number of tags, with PPPoE and without. The
 * difference of two pointers is an unknown number to the verifier. `pos` is
 * written before `data` is read, so they must not share a register.
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

static __always_inline struct packet parse_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	struct cursor cursor = {
		.pos = data,
		.data_end = (void *)(long)ctx->data_end,
	};
	struct packet packet = {};

	if (corexdp_link_header == LINK_IP)
		parse_version(&cursor, &packet);
	else
		parse_ethhdr(&cursor, &packet);
	forget_link_header(&cursor, data);
	if (packet.ethertype == ETH_P_IP)
		parse_iphdr(&cursor, &packet);
	else if (packet.ethertype == ETH_P_IPV6)
		parse_ip6hdr(&cursor, &packet);
	return packet;
}

#endif
