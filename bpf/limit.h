/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rate limits in packets per second: of a subnet, and of each source in it. */
#ifndef COREXDP_LIMIT_H
#define COREXDP_LIMIT_H

#include "rates.h"

#define LIMIT_MAX_RULES 16384 /* prefixes */

struct limit_rule {
	__u32 rate;
	__u32 burst AT_MOST(MAX_BURST);
	__u32 source_rate;
	__u32 source_burst AT_MOST(MAX_BURST);
	__u8 ip4_bits AT_MOST(32);
	__u8 ip6_bits AT_MOST(128);
	__u64 passed;
	__u64 dropped;
	__u64 source_dropped;
	struct bucket bucket;
	__u32 address_rate;
	__u32 address_burst AT_MOST(MAX_BURST);
	__u32 link_rate;
	__u32 link_burst AT_MOST(MAX_BURST);
	__u32 site_rate;
	__u32 site_burst AT_MOST(MAX_BURST);
};

struct limit_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct limit_rule);
	__uint(max_entries, LIMIT_MAX_RULES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};

/*
 * True if the packet is within all limits of the rule. A packet over a limit
 * takes no token of the subnet.
 */
static __always_inline bool limit_admit(struct limit_rule *rule,
					const struct packet *packet,
					const struct source_pool *pool)
{
	const struct source_rates rates = {
		.address = { rule->address_rate, rule->address_burst },
		.link = { rule->link_rate, rule->link_burst },
		.network = { rule->source_rate, rule->source_burst },
		.site = { rule->site_rate, rule->site_burst },
		.network_kind = SOURCE_NETWORK,
		.ip4_bits = rule->ip4_bits,
		.ip6_bits = rule->ip6_bits,
	};
	struct bucket_rate subnet = bucket_rate_of(rule->rate, rule->burst);
	__u64 now = 0;

	if (rule->rate) {
		now = bucket_now(&subnet);
		if (!bucket_has_token(&rule->bucket, &subnet, now)) {
			__sync_fetch_and_add(&rule->dropped, 1);
			return false;
		}
	}
	if (!sources_admit(packet, &rates, pool)) {
		__sync_fetch_and_add(&rule->source_dropped, 1);
		return false;
	}
	if (rule->rate)
		bucket_take_token(&rule->bucket, &subnet, now);
	__sync_fetch_and_add(&rule->passed, 1);
	return true;
}

#endif
