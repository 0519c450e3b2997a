/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Turns a DNS query into a response and sends it back to where it came from.
 *
 * The response has the header and the question of the query, an OPT record if
 * the query had one (RFC 6891 section 6.1.1), and no other records. It is never
 * longer than the query, so it is of no use for an amplification attack with a
 * forged source.
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

/* RFC 1071. */
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
	dns->arcount = 0;
	if (!query->edns || (void *)(opt + 1) > query->data_end)
		return query->question_end;
	dns->arcount = bpf_htons(1);
	opt->udp_size = bpf_htons(REPLY_EDNS_SIZE);
	opt->extended_rcode = 0;
	opt->version = 0;
	opt->flags &= bpf_htons(DNS_DO);
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

/* For both families; false if the frame ends within the header. */
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

/* The checksum is 0 until the sum is known. */
static __always_inline void reply_udp(struct udphdr *udp, __u32 length)
{
	__be16 port = udp->source;

	udp->source = udp->dest;
	udp->dest = port;
	udp->len = bpf_htons(length);
	udp->check = 0;
}

/*
 * No response to a multicast frame, or to source port 0. IP options and
 * extension headers would have to be reversed or removed.
 */
static __always_inline bool may_reply(const struct ethhdr *eth,
				      const struct packet *packet)
{
	return packet->plain && packet->source_port &&
	       !(eth->h_dest[0] & ETH_GROUP_BIT);
}

/* Returns XDP_TX, or XDP_DROP for a query that may_reply refuses. */
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

	if ((void *)(eth + 1) > data_end || (void *)(udp + 1) > data_end ||
	    !may_reply(eth, packet))
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
	return bpf_xdp_adjust_tail(ctx, (int)length - old_length) ? XDP_DROP :
								    XDP_TX;
}

#endif
