/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Selects the packets that limits and default actions apply to.
 *
 *   SCOPE_DNS   packets to the ports of the DNS server, over UDP and TCP.
 *               of any host. Downloads, other forwarded packets and responses
 *               of other servers pass
 *   SCOPE_ALL   all IP packets. Responses of upstream servers are recognized by
 *               their ports: from a port of an upstream server, to port 1024 or
 *               above
 *
 * A fragment other than the first has no ports. SCOPE_DNS passes such
 * fragments: without the first fragment, the kernel discards the others after a
 * timeout, and limits the memory for incomplete packets. DNS over UDP should
 * not need fragments (RFC 9715), but other protocols do. SCOPE_ALL includes
 * them.
 */
#ifndef COREXDP_SCOPE_H
#define COREXDP_SCOPE_H

#include "ports.h"
#include "pools.h"

enum __attribute__((packed)) scope {
	SCOPE_DNS = 0,
	SCOPE_ALL = 1,
};

/* Verdict on responses of upstream servers. */
enum __attribute__((packed)) replies {
	REPLIES_PASS = 0,
	REPLIES_LIMIT = 1, /* each source has its own limit */
	REPLIES_JUDGE = 2, /* judged as other packets are */
};

/* A resolver has few upstream servers at a time. */
SOURCE_TABLE(reply_sources, SOURCE_FEW_SETS);

static __always_inline bool is_reply(const struct packet *packet,
				     const __u16 *upstream)
{
	return packet->dest_port >= MIN_USER_PORT &&
	       is_upstream_port(upstream, packet->source_port);
}

/* False if the source is over `rate`, in packets per second. */
static __always_inline bool admit_reply(const struct packet *packet,
					const struct pools *pools, __u32 rate,
					__u32 burst)
{
	const struct rate limit = { rate, burst };

	return !rate ||
	       source_admit(&reply_sources, reply_sources_entries,
			    source_tag(&pools->keys, packet, SOURCE_NETWORK,
				       0, 0),
			    &limit);
}

#endif
