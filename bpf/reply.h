/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An answer to a DNS query, made of the query itself and sent back from where it
 * came: header and question, with an OPT record when it had one, and nothing
 * else. It is never longer than the query, so nothing is gained by having it sent
 * to somebody else.
 */
#ifndef COREXDP_REPLY_H
#define COREXDP_REPLY_H

#include "dns.h"

#define DNS_RCODE_NXDOMAIN 3
#define DNS_RCODE_REFUSED 5
#define DNS_TC 0x02
#define DNS_RD 0x01
#define DNS_CD 0x10
#define DNS_DO 0x8000

/* What we take over UDP: no answer of ours is longer. */
#define REPLY_EDNS_SIZE 1232
#define REPLY_HOPS 64
/* UDP header and DNS header, the longest question, an OPT record. */
#define REPLY_MAX_WORDS ((8 + 12 + 255 + 4 + 11 + 1) / 2)
/* The first bit of a group address. */
#define ETHER_GROUP 0x01

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Header and question say what they are to say; returns where they end. */
static __always_inline __u32 reply_message(const struct dns_query *query,
					   __u8 rcode, bool truncated)
{
	struct dns_header *dns = query->header;
	struct dns_opt *opt = dns_at(query, query->rest);

	dns->flags = DNS_QR | (truncated ? DNS_TC : 0) | (dns->flags & DNS_RD);
	dns->more = (dns->more & DNS_CD) | rcode;
	dns->additionals = 0;
	if (!query->edns || (void *)(opt + 1) > query->end)
		return query->rest;
	dns->additionals = bpf_htons(1);
	opt->size = bpf_htons(REPLY_EDNS_SIZE);
	opt->rcode = 0;
	opt->version = 0;
	opt->flags &= bpf_htons(DNS_DO);
	opt->length = 0;
	return query->rest + sizeof(*opt);
}

/* The sum of a datagram; its checksum must be 0. */
static __always_inline __u64 reply_sum(struct udphdr *udp, __u32 length,
				       void *end)
{
	__u64 sum = 0;
	__u16 *word = (void *)udp;

	for (__u32 i = 0; i < REPLY_MAX_WORDS; i++, word++) {
		if (2 * i + 1 >= length || (void *)(word + 1) > end)
			break;
		sum += *word;
	}
	if (length & 1 && (void *)word + 1 <= end)
		sum += bpf_htons(*(__u8 *)word << 8);
	return sum;
}

/* Turns the IP header round; returns the sum of the pseudo header's addresses. */
static __always_inline __u64 reply_ip4(struct iphdr *ip, __u32 length)
{
	__be32 address = ip->saddr;
	__u64 sum = 0;

	ip->saddr = ip->daddr;
	ip->daddr = address;
	ip->tot_len = bpf_htons(sizeof(*ip) + length);
	ip->ttl = REPLY_HOPS;
	ip->check = 0;
	for (int i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += ((__u16 *)ip)[i];
	ip->check = fold(sum);
	return (__u64)ip->saddr + ip->daddr;
}

static __always_inline __u64 reply_ip6(struct ipv6hdr *ip, __u32 length)
{
	struct in6_addr address = ip->saddr;
	__u32 *words = (__u32 *)&ip->saddr;
	__u64 sum = 0;

	ip->saddr = ip->daddr;
	ip->daddr = address;
	ip->payload_len = bpf_htons(length);
	ip->hop_limit = REPLY_HOPS;
	for (int i = 0; i < 8; i++)
		sum += words[i];
	return sum;
}

static __always_inline void reply_ethernet(struct ethhdr *ethernet)
{
	__u8 address[ETH_ALEN];

	__builtin_memcpy(address, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, address, ETH_ALEN);
}

/* The same for either; false when the header is not there. */
static __always_inline bool reply_ip(const struct packet *packet, void *end,
				     __u32 length, __u64 *sum)
{
	if (packet->version == 4 && packet->ip + sizeof(struct iphdr) <= end)
		*sum = reply_ip4(packet->ip, length);
	else if (packet->ip + sizeof(struct ipv6hdr) <= end)
		*sum = reply_ip6(packet->ip, length);
	else
		return false;
	return true;
}

/* All but the checksum, which is 0 then. */
static __always_inline void reply_udp(struct udphdr *udp, __u32 length)
{
	__be16 port = udp->source;

	udp->source = udp->dest;
	udp->dest = port;
	udp->len = bpf_htons(length);
	udp->check = 0;
}

/* Whether there is one to answer, and a plain way back. */
static __always_inline bool reply_may(const struct ethhdr *ethernet,
				      const struct packet *packet)
{
	return packet->plain && packet->source_port &&
	       !(ethernet->h_dest[0] & ETHER_GROUP);
}

/*
 * Makes the answer and has it sent; XDP_DROP when it can't be: to options and
 * extension headers, to a group, to port 0.
 */
static __always_inline int reply(struct xdp_md *ctx, const struct packet *packet,
				 const struct dns_query *query,
				 struct settled *settled, __u8 rcode,
				 bool truncated)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct udphdr *udp = packet->transport;
	void *end = query->end;
	__u32 length;
	__u64 sum;
	int more;

	if ((void *)(ethernet + 1) > end || (void *)(udp + 1) > end ||
	    !reply_may(ethernet, packet))
		return XDP_DROP;
	more = (int)(end - (void *)udp);
	length = forget(settled, sizeof(*udp) + reply_message(query, rcode,
							      truncated));
	reply_udp(udp, length);
	if (!reply_ip(packet, end, length, &sum))
		return XDP_DROP;
	sum += bpf_htons(IPPROTO_UDP) + bpf_htons(length);
	udp->check = fold(sum + reply_sum(udp, length, end));
	/* To a checksum of 0 nobody looks. */
	if (!udp->check)
		udp->check = 0xffff;
	reply_ethernet(ethernet);
	return bpf_xdp_adjust_tail(ctx, (int)length - more) ? XDP_DROP : XDP_TX;
}

#endif
