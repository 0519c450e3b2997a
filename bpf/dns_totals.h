/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The counters of `dns`, and the functions that count a query. */
#ifndef COREXDP_DNS_TOTALS_H
#define COREXDP_DNS_TOTALS_H

#include "dns.h"

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 refused;
	__u64 truncated;
	__u64 malformed;
	__u64 fragment;
	__u64 bad_length;
	__u64 bad_qr;
	__u64 bad_opcode;
	__u64 bad_counts;
	__u64 bad_name;
	__u64 bad_pointer;
	__u64 limited;
	__u64 cookies;
	__u64 class_in;
	__u64 class_ch;
	__u64 class_any;
	__u64 class_other;
	__u64 edns_none;
	__u64 edns_512;
	__u64 edns_1232;
	__u64 edns_4096;
	__u64 edns_more;
	__u64 other;
	__u64 other_opcode;
	__u64 no_question;
	__u64 replies;
	__u64 replies_limited;
	__u64 proven;
	__u64 proofs;
	__u64 lookups_limited;
	__u64 new_sources;
	__u64 new_limited;
	__u64 syns_limited;
	__u64 answers_limited;
	__u64 cookies_valid;
	__u64 cookies_forged;
	__u64 cookies_stale;
};

static __always_inline void count_malformed(struct totals *totals,
					    enum dns_error error)
{
	totals->malformed++;
	switch (error) {
	case DNS_FRAGMENT:
		totals->fragment++;
		break;
	case DNS_BAD_LENGTH:
		totals->bad_length++;
		break;
	case DNS_BAD_QR:
		totals->bad_qr++;
		break;
	case DNS_BAD_OPCODE:
		totals->bad_opcode++;
		break;
	case DNS_BAD_COUNTS:
		totals->bad_counts++;
		break;
	case DNS_BAD_POINTER:
		totals->bad_pointer++;
		break;
	default:
		totals->bad_name++;
	}
}

static __always_inline void count_unparsed(struct totals *totals,
					   enum dns_error error)
{
	if (error == DNS_OTHER_OPCODE)
		totals->other_opcode++;
	else
		totals->no_question++;
}

static __always_inline void count_query(struct totals *totals,
					const struct dns_query *query)
{
	if (query->qclass == DNS_CLASS_IN)
		totals->class_in++;
	else if (query->qclass == DNS_CLASS_CH)
		totals->class_ch++;
	else if (query->qclass == DNS_CLASS_ANY)
		totals->class_any++;
	else
		totals->class_other++;
	if (!query->edns)
		totals->edns_none++;
	else if (query->udp_size <= 512)
		totals->edns_512++;
	else if (query->udp_size <= 1232)
		totals->edns_1232++;
	else if (query->udp_size <= 4096)
		totals->edns_4096++;
	else
		totals->edns_more++;
	if (query->cookie)
		totals->cookies++;
}

#endif
