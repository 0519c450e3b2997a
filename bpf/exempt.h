/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What passes a program that filters all of IP, whatever its entries say.
 *
 * To be included behind a `struct settings` with `manage` and a `struct totals`
 * with `management` and `other`.
 */
#ifndef COREXDP_EXEMPT_H
#define COREXDP_EXEMPT_H

#include "management.h"

/* Counts the packet if it is exempt. */
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
