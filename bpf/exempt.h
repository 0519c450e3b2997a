/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traffic that passes a program: frames without an IP packet, management
 * traffic, and what is out of the program's scope.
 *
 * Include this file after the definitions of `struct settings`, with `manage`,
 * `scope` and what replies.h needs, and of `struct totals`, with `management`,
 * `other` and what replies.h needs.
 */
#ifndef COREXDP_EXEMPT_H
#define COREXDP_EXEMPT_H

#include "management.h"
#include "replies.h"

/* Counts an exempt packet and returns true. */
static __always_inline bool count_exempt(const struct packet *packet,
					 const struct settings *settings,
					 struct totals *totals)
{
	if (!packet->version) {
		totals->other++;
		return true;
	}
	if (!settings->manage && is_management(packet)) {
		totals->management++;
		return true;
	}
	return false;
}

/*
 * Counts a packet that is not judged. `is_dns` tells that the packet goes to a
 * port of the server.
 */
static __always_inline enum scope_verdict
apply_scope(const struct packet *packet, bool is_dns,
	    const struct settings *settings, struct totals *totals)
{
	if (is_dns)
		return SCOPE_JUDGED;
	if (settings->scope == SCOPE_DNS) {
		totals->other++;
		return SCOPE_PASSED;
	}
	if (!is_reply(packet, settings->upstream))
		return SCOPE_JUDGED;
	return apply_replies(packet, settings, totals);
}

#endif
