/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Turns a DNS query into a response, and sends the response to the client.
 *
 * The response has the header and the question of the query, an OPT record if
 * the parser found one in the query (RFC 6891 section 6.1.1), and no other
 * records. A response is never longer than its query, so it is of no use for an
 * amplification attack with a forged source.
 */
#ifndef COREXDP_REPLY_H
#define COREXDP_REPLY_H

#include "dns.h"

/* RFC 1035 section 4.1.1; CD: RFC 4035 section 3; DO: RFC 6891 section 6.1.4 */
#define DNS_RCODE_NOERROR 0
#define DNS_RCODE_NXDOMAIN 3
#define DNS_RCODE_REFUSED 5
#define DNS_TC 0x02
#define DNS_RD 0x01
#define DNS_CD 0x10
#define DNS_DO 0x8000

/* The UDP payload size that the OPT record of a response gives. */
#define REPLY_EDNS_SIZE 1232
#define REPLY_HOP_LIMIT 64
/*
 * 16-bit words of the longest response, rounded up: UDP header, DNS header,
 * QNAME, QTYPE and QCLASS, OPT record.
 */
#define REPLY_MAX_WORDS ((8 + 12 + 255 + 4 + 11 + 1) / 2)
/* The multicast bit in the first byte of a MAC address. */
#define ETH_GROUP_BIT 0x01

/* The Internet checksum, RFC 1071. */
static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * Writes the DNS header and the OPT record; returns the message length. `tc` is
 * DNS_TC or 0.
 */
static __always_inline __u32 reply_dns(const struct dns_query *query,
				       __u8 rcode, __u8 tc)
{
	struct dns_header *dns = query->header;
	struct dns_opt *opt = dns_at(query, query->question_end);

	dns->flags_high = DNS_QR | tc | (dns->flags_high & DNS_RD);
	dns->flags_low = (dns->flags_low & DNS_CD) | rcode;
	dns->nscount = 0;
	dns->arcount = 0;
	if (!query->edns || (void *)(opt + 1) > query->data_end)
		return query->question_end;
	dns->arcount = bpf_htons(1);
	opt->name = 0;
	opt->type = bpf_htons(DNS_TYPE_OPT);
	opt->udp_size = bpf_htons(REPLY_EDNS_SIZE);
	opt->extended_rcode = 0;
	opt->version = 0;
	opt->flags = query->edns_flags & bpf_htons(DNS_DO);
	opt->rdlength = 0;
	return query->question_end + sizeof(*opt);
}

/* Sum of the UDP header and payload, while the checksum field is 0. */
static __always_inline __u64 udp_sum(struct udphdr *udp, __u32 length,
				     void *data_end)
{
	__u64 sum = 0;
	__u16 *word = (void *)udp;

	for (__u32 i = 0; i < REPLY_MAX_WORDS; i++, word++) {
		if (2 * i + 1 >= length || (void *)(word + 1) > data_end)
			break;
		sum += *word;
	}
	if (length & 1 && (void *)word + 1 <= data_end)
		sum += bpf_htons(*(__u8 *)word << 8);
	return sum;
}

/*
 * Swaps the addresses of the IP header; returns their sum for the pseudo header
 * (RFC 768).
 */
static __always_inline __u64 reply_ip4(struct iphdr *ip, __u32 length)
{
	__be32 address = ip->saddr;
	__u64 sum = 0;

	ip->saddr = ip->daddr;
	ip->daddr = address;
	ip->tot_len = bpf_htons(sizeof(*ip) + length);
	ip->ttl = REPLY_HOP_LIMIT;
	ip->check = 0;
	for (int i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += ((__u16 *)ip)[i];
	ip->check = csum_fold(sum);
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
	ip->hop_limit = REPLY_HOP_LIMIT;
	for (int i = 0; i < 8; i++)
		sum += words[i];
	return sum;
}

static __always_inline void reply_ethernet(struct ethhdr *eth)
{
	__u8 address[ETH_ALEN];

	__builtin_memcpy(address, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, address, ETH_ALEN);
}

/* Rewrites the IP header; false if the frame ends within the header. */
static __always_inline bool reply_ip(const struct packet *packet,
				     void *data_end, __u32 length, __u64 *sum)
{
	if (packet->version == 4 &&
	    packet->ip + sizeof(struct iphdr) <= data_end)
		*sum = reply_ip4(packet->ip, length);
	else if (packet->ip + sizeof(struct ipv6hdr) <= data_end)
		*sum = reply_ip6(packet->ip, length);
	else
		return false;
	return true;
}

/* Clears the checksum, which send_reply computes last. */
static __always_inline void reply_udp(struct udphdr *udp, __u32 length)
{
	__be16 port = udp->source;

	udp->source = udp->dest;
	udp->dest = port;
	udp->len = bpf_htons(length);
	udp->check = 0;
}

/*
 * True for an IPv4 address that no host has (RFC 6890): 0.0.0.0/8, loopback,
 * multicast, reserved and broadcast.
 */
static __always_inline bool is_martian_ip4(__be32 address)
{
	__u32 first = bpf_ntohl(address) >> 24;

	return first == 0 || first == 127 || first >= 224;
}

/*
 * True for ::/96, which includes :: and ::1, for ::ffff:0:0/96, and for
 * multicast: RFC 4291 section 2.5 and RFC 6890.
 */
static __always_inline bool is_martian_ip6(const __u32 *address)
{
	if (!(address[0] | address[1]))
		return !address[2] || address[2] == bpf_htonl(0xffff);
	return (address[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

/*
 * True for services that answer any datagram: the service and this program
 * would answer each other without end. Port 53 is not such a service: DNS
 * servers do not answer responses (QR=1), and old resolvers query from port 53.
 */
static __always_inline bool is_reflecting_port(__u16 port)
{
	const __u64 ports = 1ULL << 0 |	 /* reserved, RFC 768 */
			    1ULL << 7 |	 /* echo */
			    1ULL << 13 | /* daytime */
			    1ULL << 17 | /* quote of the day */
			    1ULL << 19 | /* chargen */
			    1ULL << 37;	 /* time */

	return port < 64 && ports >> port & 1;
}

/*
 * False for a martian source, and for a source that equals the destination. A
 * martian destination would become the source of the response.
 */
static __always_inline bool may_reply_ip(const struct packet *packet,
					 void *data_end)
{
	struct iphdr *ip4 = packet->ip;
	struct ipv6hdr *ip6 = packet->ip;
	const __u32 *source;
	const __u32 *dest;

	if (packet->version == 4)
		return (void *)(ip4 + 1) <= data_end &&
		       !is_martian_ip4(ip4->saddr) &&
		       !is_martian_ip4(ip4->daddr) && ip4->saddr != ip4->daddr;
	if ((void *)(ip6 + 1) > data_end)
		return false;
	source = ip6->saddr.s6_addr32;
	dest = ip6->daddr.s6_addr32;
	return !is_martian_ip6(source) && !is_martian_ip6(dest) &&
	       ((source[0] ^ dest[0]) | (source[1] ^ dest[1]) |
		(source[2] ^ dest[2]) | (source[3] ^ dest[3]));
}

/*
 * True if a query may get a response: source and destination are unicast. IP
 * options, extension headers and the fields of a fragment would have to be
 * reversed or removed. Without an Ethernet header, XDP_TX in generic mode sends
 * no valid frame.
 */
static __always_inline bool may_reply(struct xdp_md *ctx,
				      const struct packet *packet)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	return corexdp_link_header == LINK_ETHERNET &&
	       (void *)(eth + 1) <= data_end &&
	       !((eth->h_dest[0] | eth->h_source[0]) & ETH_GROUP_BIT) &&
	       packet->plain && !packet->fragment &&
	       !is_reflecting_port(packet->source_port) &&
	       may_reply_ip(packet, data_end);
}

/*
 * Writes the length of the PPP frame: the protocol field and the IP packet. The
 * session is the same in both directions (RFC 2516 section 4).
 */
static __always_inline void reply_pppoe(struct xdp_md *ctx,
					const struct packet *packet,
					struct packet_scratch *scratch,
					__u32 length)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 offset = opaque(scratch, packet->ip - data - 4);
	__be16 *field = bounded_add(data, offset, HEADER_OFFSET_MASK);

	length += sizeof(__be16) + (packet->version == 4 ?
					    sizeof(struct iphdr) :
					    sizeof(struct ipv6hdr));
	if ((void *)(field + 1) <= data_end)
		*field = bpf_htons(length);
}

/* Sends a response to a query that may_reply accepts. Returns XDP_TX. */
static __always_inline int send_reply(struct xdp_md *ctx,
				      const struct packet *packet,
				      const struct dns_query *query,
				      struct packet_scratch *scratch,
				      __u8 rcode, __u8 tc)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct udphdr *udp = packet->transport;
	void *data_end = query->data_end;
	__u32 length;
	__u64 sum;
	int old_length;

	if ((void *)(eth + 1) > data_end || (void *)(udp + 1) > data_end)
		return XDP_DROP;
	old_length = (int)(data_end - (void *)udp);
	length = opaque(scratch, sizeof(*udp) + reply_dns(query, rcode, tc));
	reply_udp(udp, length);
	if (!reply_ip(packet, data_end, length, &sum))
		return XDP_DROP;
	sum += bpf_htons(IPPROTO_UDP) + bpf_htons(length);
	udp->check = csum_fold(sum + udp_sum(udp, length, data_end));
	/* RFC 768: 0 would mean that there is no checksum. */
	if (!udp->check)
		udp->check = 0xffff;
	reply_ethernet(eth);
	if (packet->pppoe)
		reply_pppoe(ctx, packet, scratch, length);
	/*
	 * Before Linux 6.6 the helper fails where the driver's buffer exceeds a
	 * page. The response then ends with padding, after the length that the
	 * IP header gives.
	 */
	if ((int)length < old_length)
		bpf_xdp_adjust_tail(ctx, (int)length - old_length);
	return XDP_TX;
}

#endif
