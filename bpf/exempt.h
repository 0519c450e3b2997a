/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traffic that passes a program whatever its rules say: frames without an IP
 * packet, and management traffic.
 *
 * Include this file after the definitions of `struct settings`, with `manage`,
 * and `struct totals`, with `management` and `other`.
 */
#ifndef COREXDP_EXEMPT_H
#define COREXDP_EXEMPT_H

#include "management.h"

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

#endif
