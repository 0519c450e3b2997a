/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Recognizes the ICMP and IGMP messages that IP depends on; management.h gives
 * the reasons. parse_packet calls these functions as soon as it has read the
 * ICMP header, so that packets of other protocols pay nothing.
 */
#ifndef COREXDP_CONTROL_H
#define COREXDP_CONTROL_H

#include <stdbool.h>

#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ICMP_DEST_UNREACH 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_PARAMPROB 4
#define ICMPV6_MGM_QUERY 130
#define ICMPV6_MGM_REDUCTION 132
#define ICMPV6_MLD2_REPORT 143
#define NDISC_ROUTER_SOLICITATION 133
#define NDISC_REDIRECT 137
#define NDISC_HOP_LIMIT 255
#define IGMP_HOP_LIMIT 1

/* RFC 792 and RFC 4443 section 2.1: both headers begin with this. */
struct icmp_header {
	__u8 type;
};

/* fe80::/10, or ::, from which a host without an address sends (RFC 3590). */
static __always_inline bool is_link_local_or_unspecified(const __u64 *address)
{
	const __u64 mask = bpf_cpu_to_be64(0xffc0ULL << 48);

	return (address[0] & mask) == bpf_cpu_to_be64(0xfe80ULL << 48) ||
	       !(address[0] | address[1]);
}

static __always_inline bool is_ip4_control(const struct icmp_header *icmp)
{
	return icmp->type == ICMP_DEST_UNREACH ||
	       icmp->type == ICMP_TIME_EXCEEDED ||
	       icmp->type == ICMP_PARAMETERPROB;
}

static __always_inline bool is_ip6_control(const struct icmp_header *icmp,
					   __u8 hop_limit, const __u64 *source)
{
	__u8 type = icmp->type;

	if (type >= NDISC_ROUTER_SOLICITATION && type <= NDISC_REDIRECT)
		return hop_limit == NDISC_HOP_LIMIT;
	if ((type >= ICMPV6_MGM_QUERY && type <= ICMPV6_MGM_REDUCTION) ||
	    type == ICMPV6_MLD2_REPORT)
		return is_link_local_or_unspecified(source);
	return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
}

#endif
