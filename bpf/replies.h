/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts and limits the responses of upstream servers.
 *
 * Include this file after the definitions of `struct settings`, with `replies`,
 * `upstream`, `reply_rate` and `reply_burst`, and of `struct totals`, with
 * `replies` and `replies_limited`.
 */
#ifndef COREXDP_REPLIES_H
#define COREXDP_REPLIES_H

#include "scope.h"

enum scope_verdict {
	SCOPE_JUDGED,
	SCOPE_PASSED,
	SCOPE_LIMITED, /* a reply over its limit */
};

/* Returns SCOPE_JUDGED, or counts the reply and returns its verdict. */
static __always_inline enum scope_verdict
apply_replies(const struct packet *packet, const struct settings *settings,
	      const struct pools *pools, struct totals *totals)
{
	if (settings->replies == REPLIES_JUDGE)
		return SCOPE_JUDGED;
	if (settings->replies == REPLIES_LIMIT &&
	    !admit_reply(packet, pools, settings->reply_rate,
			 settings->reply_burst)) {
		totals->replies_limited++;
		return SCOPE_LIMITED;
	}
	totals->replies++;
	return SCOPE_PASSED;
}

/*
 * Applies `replies` to a DNS response to the server's own port: a resolver may
 * send all its queries from that port.
 */
static __always_inline enum scope_verdict
apply_fixed_port_reply(const struct packet *packet,
		       const struct settings *settings,
		       const struct pools *pools, struct totals *totals)
{
	if (!is_upstream_port(settings->upstream, packet->source_port))
		return SCOPE_JUDGED;
	return apply_replies(packet, settings, pools, totals);
}

#endif
