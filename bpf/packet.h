/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parses the headers of a frame: Ethernet, up to three VLAN tags, a PPPoE
 * session (RFC 2516), IPv4 with options, IPv6 with extension headers, the ports
 * of TCP and UDP, and the type of an ICMP or ICMPv6 message. Frames with a
 * fourth tag or with MPLS, and PPP frames of other protocols, are not IP
 * packets to the programs. A tunnel in IP is a packet of the tunnel's protocol.
 *
 * A truncated or malformed frame is parsed up to the first bad header. Only a
 * frame with a complete IP header is an IP packet. The kernel discards
 * malformed packets, so the programs pass them.
 *
 * The payload behind more than six IPv6 extension headers is hidden from the
 * programs, but not from the kernel. No host sends such a packet, and RFC 8504
 * section 5.3 lets hosts discard it: the programs drop it.
 */
#ifndef COREXDP_PACKET_H
#define COREXDP_PACKET_H

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "control.h"
#include "link.h"

/* Loop bound: the verifier accepts bounded loops only. */
#define MAX_EXTENSION_HEADERS 6

/*
 * Bits of the fragment fields, in host byte order: RFC 791 section 3.1 and
 * RFC 8200 section 4.5. Named as in include/net/ip.h and ipv6.h of the kernel.
 */
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define IP6_OFFSET 0xfff8
#define IP6_MF 0x0001

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
	else if (packet->protocol == IPPROTO_IGMP)
		packet->ip_control = ip->ttl == IGMP_HOP_LIMIT;
}

static __always_inline bool is_extension_header(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH;
}

/*
 * Skips the extension headers (RFC 8200 section 4) and parses the payload. If
 * the frame ends within an extension header, or has more than
 * MAX_EXTENSION_HEADERS, `protocol` is the type of the first header that was
 * not skipped. A fragment with offset 0 and M=0 is a whole packet (RFC 6946).
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

		if (!is_extension_header(nexthdr))
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
	packet->hidden = is_extension_header(packet->protocol);
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

/*
 * The length of the frame. clang would subtract later and keep `data` until
 * then, whose known range has another length for each link header: the verifier
 * would follow the later code once for each of them.
 */
static __always_inline __u64 frame_bytes(const struct xdp_md *ctx)
{
	__u64 bytes = ctx->data_end - ctx->data;

	asm volatile("" : "+r"(bytes));
	return bytes;
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
