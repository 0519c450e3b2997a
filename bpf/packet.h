/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs want to know of a frame.
 *
 * Looks through two VLAN tags, IPv4 options and the IPv6 extension headers
 * that may precede TCP and UDP. Tunnels, PPPoE, MPLS and a third tag are not
 * looked through: such a frame is no IP packet here.
 *
 * A frame cut short, or with lengths that cannot be, is read as far as it is
 * sound. Only a whole IP header makes an IP packet; the kernel discards the
 * rest by itself, so no program here needs to judge it.
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

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Bounds of the loops: the verifier must see an end to each. */
#define MAX_VLAN_TAGS 2
#define MAX_EXTENSION_HEADERS 6

/* The low 13 bits of frag_off in an IPv4 header, the high 13 in an IPv6 one. */
#define IP_OFFSET 0x1fff
#define IP_MF 0x2000
#define IP6_OFFSET 0xfff8

/* Every ICMPv6 message begins with its type. */
#define ICMP6_TYPE_SIZE 1

struct packet {
	__u16 ethertype;   /* ETH_P_*, behind any VLAN tags; 0: cut short */
	__u8 version;	   /* 4 or 6; 0: no IP packet */
	__u8 protocol;	   /* IPPROTO_*, behind any options and extensions */
	__u8 hop_limit;	   /* time to live, hop limit */
	__u8 icmp6_type;   /* type of an ICMPv6 message; 0: none seen */
	bool plain;	   /* neither options nor extensions */
	bool fragment;	   /* part of a packet, the first one too */
	__u16 dest_port;   /* destination port of TCP and UDP; 0: none seen */
	__u16 source_port; /* likewise */
	void *ip;	   /* its header; NULL: no IP packet */
	void *transport;   /* header of TCP or UDP; NULL: none seen */
	union {
		__be32 ip4;
		__u64 ip6[2]; /* as in the packet, for comparing by word */
	} source;
};

/* The part of the frame that is not read yet. */
struct cursor {
	void *pos;
	void *end;
};

/*
 * The address that lies `offset` bytes behind another; `most` is one less than a
 * power of two, and no offset is above it. Written so that the compiler can't
 * drop the bound as known: kernels before 5.12 forget what they knew of a number
 * that has been on the stack.
 */
static __always_inline void *bounded_add(void *base, __u64 offset, __u32 mask)
{
	asm volatile("%[offset] &= %[mask]\n\t"
		     "%[base] += %[offset]"
		     : [base] "+r"(base), [offset] "+r"(offset)
		     : [mask] "i"(mask));
	return base;
}

/* The next `size` bytes, or NULL when the frame does not have them. */
static __always_inline void *cursor_pull(struct cursor *cursor, __u32 size)
{
	void *header = cursor->pos;

	if (header + size > cursor->end)
		return NULL;
	cursor->pos = header + size;
	return header;
}

static __always_inline void parse_ports(struct cursor *cursor,
					struct packet *packet)
{
	/* TCP and UDP begin alike. */
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
	/* Only the first fragment has ports. */
	if (!(ip->frag_off & bpf_htons(IP_OFFSET)))
		parse_ports(cursor, packet);
}

static __always_inline void parse_icmp6hdr(struct cursor *cursor,
					   struct packet *packet)
{
	__u8 *type = cursor_pull(cursor, ICMP6_TYPE_SIZE);

	if (type)
		packet->icmp6_type = *type;
}

/*
 * Steps over the extension headers, up to what they carry. When they end
 * nowhere, the protocol stays that of the last one seen.
 */
static __always_inline void parse_ip6hdrext(struct cursor *cursor,
					    struct packet *packet)
{
	/* Every extension header is a multiple of 8 bytes and begins so. */
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
			packet->fragment = true;
			if (ext->frag_off & bpf_htons(IP6_OFFSET))
				return;
		} else if (nexthdr == IPPROTO_AH) {
			/* RFC 4302: in words of 4 bytes, less 2. */
			cursor->pos += ext->hdrlen * 4;
		} else {
			/* RFC 8200: in words of 8 bytes, less the first. */
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
		.end = (void *)(long)ctx->data_end,
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
