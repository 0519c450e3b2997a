/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parses the headers of a frame: Ethernet, up to two VLAN tags, IPv4 with
 * options, IPv6 with extension headers, the ports of TCP and UDP, and the kind
 * of an ICMP or ICMPv6 message. A frame with a third tag, PPPoE, MPLS or a tunnel is
 * not parsed further: it counts as no IP packet, or as a packet of the tunnel's
 * protocol.
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
#define MAX_VLAN_TAGS 2
#define MAX_EXTENSION_HEADERS 6

/*
 * Bits of the fragment fields, in host byte order: RFC 791 section 3.1 and
 * RFC 8200 section 4.5. The names are those of the kernel's own headers.
 */
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define IP6_OFFSET 0xfff8
#define IP6_MF 0x0001

struct packet {
	__u16 ethertype;   /* ETH_P_*, after VLAN tags; 0: frame too short */
	__u8 version;      /* 4 or 6; 0: no IP packet */
	__u8 protocol;     /* IPPROTO_*, after IPv6 extension headers */
	__u8 hop_limit;    /* IPv4 time to live or IPv6 hop limit */
	bool ip_control;   /* an ICMP message that IP needs, see control.h */
	bool plain;        /* no IPv4 options, no IPv6 extension headers */
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
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		if (ethertype != bpf_htons(ETH_P_8021Q) &&
		    ethertype != bpf_htons(ETH_P_8021AD))
			break;
		vlan = cursor_pull(cursor, sizeof(*vlan));
		if (!vlan)
			return;
		ethertype = vlan->ethertype;
	}
	packet->ethertype = bpf_ntohs(ethertype);
}

static __always_inline struct packet parse_packet(struct xdp_md *ctx)
{
	struct cursor cursor = {
		.pos = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
	};
	struct packet packet = {};

	parse_ethhdr(&cursor, &packet);
	if (packet.ethertype == ETH_P_IP)
		parse_iphdr(&cursor, &packet);
	else if (packet.ethertype == ETH_P_IPV6)
		parse_ip6hdr(&cursor, &packet);
	return packet;
}

#endif
