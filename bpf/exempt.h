/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Passes and counts the IP packets that a program does not judge: management
 * traffic, and packets out of the program's scope.
 *
 * Include this file after the definitions of `struct settings`, with `manage`
 * and `scope`, and of `struct totals`, with `management` and `other`. Both need
 * the members that replies.h names, too.
 */
#ifndef COREXDP_EXEMPT_H
#define COREXDP_EXEMPT_H

#include "management.h"
#include "replies.h"

/* Counts a packet of management traffic and returns true. */
static __always_inline bool count_management(const struct packet *packet,
					     const struct settings *settings,
					     struct totals *totals)
{
	if (settings->manage || !is_management(packet))
		return false;
	totals->management++;
	return true;
}

/*
 * Returns SCOPE_JUDGED, or counts the packet and returns its verdict. `is_dns`:
 * the packet goes to a port of the server.
 */
static __always_inline enum scope_verdict
apply_scope(const struct packet *packet, bool is_dns,
	    const struct settings *settings, const struct pools *pools,
	    struct totals *totals)
{
	if (is_dns)
		return SCOPE_JUDGED;
	if (settings->scope == SCOPE_DNS) {
		totals->other++;
		return SCOPE_PASSED;
	}
	if (!is_reply(packet, settings->upstream))
		return SCOPE_JUDGED;
	return apply_replies(packet, settings, pools, totals);
}

#endif
