/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rates of known sources and of TCP handshakes, for programs that limit
 * sources: segments to the server prove their sources, and handshakes have rates
 * of their own.
 *
 * Include this file after the definitions of `struct settings`, with the members
 * that proof.h names, `new_rate`, `new_burst`, `proven_rate`, `proven_burst`,
 * `syn_rate`, `syn_burst`, `syn_total_rate` and `syn_total_burst`, and of `struct totals`,
 * with `proven`, `new_sources`, `new_limited` and `syns_limited`, too.
 */
#ifndef COREXDP_SEGMENTS_H
#define COREXDP_SEGMENTS_H

#include "proof.h"
#include "rates.h"

/* Token buckets of handshakes, apart from those of queries. */
SOURCE_TABLE(syn_sources, SOURCE_FEW_SETS);

/* True if the settings handle segments to the server apart from queries. */
static __always_inline bool is_proving(const struct settings *settings)
{
	return settings->proven_rate | settings->syn_rate |
	       settings->syn_total_rate;
}

/* The pool of new sources, see rates.h. */
static __always_inline struct source_pool
new_sources_pool(struct pools *pools, const struct settings *settings,
		 struct totals *totals)
{
	struct source_pool pool = {
		.pools = pools,
		.rate = { settings->new_rate, settings->new_burst },
		.admitted = &totals->new_sources,
		.limited = &totals->new_limited,
	};

	return pool;
}

/*
 * Takes a token of a handshake from its source and from all sources; false if
 * the handshake is over a rate.
 */
static __always_inline bool admit_syn(const struct packet *packet,
				      const struct settings *settings,
				      struct pools *pools)
{
	const struct rate rate = { settings->syn_rate, settings->syn_burst };
	const struct rate total = { settings->syn_total_rate,
				    settings->syn_total_burst };

	if (rate.rate &&
	    !source_admit(&syn_sources, syn_sources_entries,
			  source_tag(&pools->keys, packet, SOURCE_NETWORK,
				     0, 0),
			  &rate))
		return false;
	return pool_admit(&pools->syns, &total);
}

/*
 * Handles a TCP segment to the server: proves its source, or limits handshakes
 * of sources that are not proven. False if the segment is over a rate.
 */
static __always_inline bool admit_segment(struct xdp_md *ctx,
					  const struct packet *packet,
					  const struct settings *settings,
					  struct pools *pools,
					  struct totals *totals)
{
	const struct tcphdr *tcp = segment_header(ctx, packet);
	struct source proof;

	if (!find_proof(packet, pools, &proof))
		return true;
	/* A first fragment without the flags may be of a handshake. */
	if (!tcp && !packet->fragment)
		return true;
	if (tcp && !tcp->syn) {
		if (settings->proven_rate)
			prove_source(ctx, packet, tcp, &proof, settings, pools,
				     totals);
		return true;
	}
	if ((tcp && (tcp->ack || tcp->rst)) || proof_end(&proof) > clock_now_coarse() ||
	    admit_syn(packet, settings, pools))
		return true;
	totals->syns_limited++;
	return false;
}

/*
 * True if the source is proven and within the rate of proven sources. Counts the
 * packet as proven.
 */
static __always_inline bool admit_proven(const struct packet *packet,
					 const struct settings *settings,
					 struct pools *pools,
					 struct totals *totals)
{
	const struct rate rate = { settings->proven_rate,
				   settings->proven_burst };

	if (!rate.rate || !is_proven(packet, pools) ||
	    !source_admit(&sources, sources_entries,
			  proof_tag(&pools->keys, packet), &rate))
		return false;
	totals->proven++;
	return true;
}

#endif
