/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rates of queries with a verified cookie, and of the responses of the program.
 *
 * Include this file after the definitions of `struct settings`, with
 * `answer_rate` and `answer_burst`, and of `struct totals`, with
 * `cookies_valid`, `cookies_forged`, `cookies_stale` and `answers_limited`.
 */
#ifndef COREXDP_COOKIES_H
#define COREXDP_COOKIES_H

#include "cookie.h"
#include "rates.h"

#define COOKIE_SETS 8192
#define COOKIE_IP4_BITS 32
#define COOKIE_IP6_BITS 64

/* Token buckets of clients with a cookie, apart from all other sources. */
SOURCE_TABLE(cookies, COOKIE_SETS);

/* Verifies and counts the cookie of a query, if there is a secret. */
static __always_inline enum cookie count_cookie(const struct packet *packet,
						const struct dns_query *query,
						struct totals *totals)
{
	enum cookie cookie;

	if (!query->cookie || !has_secret())
		return COOKIE_NONE;
	cookie = verify_cookie(packet, query);
	if (cookie == COOKIE_VALID)
		totals->cookies_valid++;
	else if (cookie == COOKIE_FORGED)
		totals->cookies_forged++;
	else if (cookie == COOKIE_STALE)
		totals->cookies_stale++;
	return cookie;
}

/* Takes a token of the source of a query with a cookie. */
static __always_inline bool admit_cookie(const struct packet *packet,
					 const struct rate *rate,
					 const struct pools *pools)
{
	return !rate->rate ||
	       source_admit(&cookies, cookies_entries,
			    source_tag(&pools->keys, packet, SOURCE_PROVEN,
				       COOKIE_IP4_BITS, COOKIE_IP6_BITS),
			    rate);
}

/* Takes a token of all responses together. */
static __always_inline bool admit_answer(const struct settings *settings,
					 struct pools *pools,
					 struct totals *totals)
{
	const struct rate rate = { settings->answer_rate,
				   settings->answer_burst };

	if (pool_admit(&pools->answers, &rate))
		return true;
	totals->answers_limited++;
	return false;
}

#endif
