/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The limits of a rule, for sources that may have proven their address.
 *
 * Include this file where segments.h may be included.
 */
#ifndef COREXDP_LIMITED_H
#define COREXDP_LIMITED_H

#include "limit.h"
#include "segments.h"

/* True if a packet is within the limits of the rule, or of a proven source. */
static __always_inline bool
admit_limited(const struct packet *packet, struct limit_rule *rule, bool is_dns,
	      const struct settings *settings, struct pools *pools,
	      struct totals *totals)
{
	const struct source_pool pool =
		new_sources_pool(pools, settings, totals);

	return limit_admit(rule, packet, &pool) ||
	       (is_dns && admit_proven(packet, settings, pools, totals));
}

#endif
