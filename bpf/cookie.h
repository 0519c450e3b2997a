/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Verifies the DNS server cookies of RFC 9018, which DNS servers with a common
 * secret make and take: SipHash-2-4 of the client's cookie, version, reserved
 * bytes, timestamp and the address of the client.
 *
 * A client gets a server cookie in a response, so it has received a packet at
 * its address. A valid cookie proves the source of its packet. Any other cookie
 * proves nothing and is no attack: a client behind a NAT whose address changes
 * has a cookie of the previous address.
 *
 * The time is CLOCK_BOOTTIME and the offset in the map `wall_clock`, which
 * corexdp keeps up to date. bpf_ktime_get_boot_ns needs Linux 5.8.
 *
 * Without a lock and without a loop over data: 10 rounds of SipHash for IPv4,
 * 14 for IPv6. Version and time are checked first, so that random cookies do
 * not reach the hash.
 */
#ifndef COREXDP_COOKIE_H
#define COREXDP_COOKIE_H

#include "dns.h"

#define COOKIE_VERSION 1
/* RFC 9018 section 4.3, in seconds. */
#define COOKIE_MAX_AGE 3600
#define COOKIE_MAX_AHEAD 300
/* Bytes: 8 of the client, 16 of the server. */
#define COOKIE_SIZE 24
#define COOKIE_SECRETS 2

/* In the byte order of the configuration of DNS servers; all 0: no secret. */
struct cookie_secret {
	__u8 key[16] __attribute__((aligned(8)));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cookie_secret);
	__uint(max_entries, COOKIE_SECRETS);
} secrets SEC(".maps");

/* Wall-clock time less time since boot. corexdp writes the map by its name. */
struct wall_clock {
	__s64 offset; /* nanoseconds; 0: not known yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wall_clock);
	__uint(max_entries, 1);
} wall_clock SEC(".maps");

/* Seconds since boot at the first cookie of a jiffy, as clock_now_coarse. */
struct boot_sample {
	__u64 jiffy;
	__u64 nanoseconds;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct boot_sample);
	__uint(max_entries, 1);
} boot_clock SEC(".maps");

enum cookie {
	COOKIE_NONE,   /* no server cookie, or one of another version */
	COOKIE_STALE,  /* too old, or of the future */
	COOKIE_FORGED, /* of another secret or for another client */
	COOKIE_VALID,
};

struct siphash {
	__u64 v[4];
};

/* Wall-clock time in seconds, which wraps around as serial numbers do. */
static __always_inline __u32 cookie_now(void)
{
	__u32 key = 0;
	struct wall_clock *clock = bpf_map_lookup_elem(&wall_clock, &key);
	struct boot_sample *sample = bpf_map_lookup_elem(&boot_clock, &key);
	__u64 jiffy = bpf_jiffies64();
	__u64 now;

	if (!clock || !sample)
		return 0;
	now = *(volatile __u64 *)&sample->nanoseconds;
	if (*(volatile __u64 *)&sample->jiffy != jiffy) {
		now = bpf_ktime_get_boot_ns();
		*(volatile __u64 *)&sample->nanoseconds = now;
		*(volatile __u64 *)&sample->jiffy = jiffy;
	}
	return (now + *(volatile __s64 *)&clock->offset) / 1000000000;
}

static __always_inline __u64 siphash_word(const void *bytes)
{
	__u64 word = *(const __u64 *)bytes;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static __always_inline __u64 siphash_rotate(__u64 word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static __always_inline void siphash_round(struct siphash *hash)
{
	__u64 *v = hash->v;

	v[0] += v[1];
	v[1] = siphash_rotate(v[1], 13) ^ v[0];
	v[0] = siphash_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_rotate(v[1], 17) ^ v[2];
	v[2] = siphash_rotate(v[2], 32);
}

static __always_inline void siphash_take(struct siphash *hash, __u64 word)
{
	hash->v[3] ^= word;
	siphash_round(hash);
	siphash_round(hash);
	hash->v[0] ^= word;
}

/* `cookie` has the client's cookie, and the server's without its hash. */
static __always_inline __u64 cookie_hash(const struct cookie_secret *secret,
					 const __u64 *cookie,
					 const struct packet *packet)
{
	__u64 k0 = siphash_word(secret->key);
	__u64 k1 = siphash_word(secret->key + 8);
	struct siphash hash = { {
		k0 ^ 0x736f6d6570736575ULL,
		k1 ^ 0x646f72616e646f6dULL,
		k0 ^ 0x6c7967656e657261ULL,
		k1 ^ 0x7465646279746573ULL,
	} };
	__u64 address[2] = { packet->source.ip6[0], packet->source.ip6[1] };
	/* The last word has the length of the message in its highest byte. */
	__u64 last = 32ULL << 56;

	siphash_take(&hash, cookie[0]);
	siphash_take(&hash, cookie[1]);
	if (packet->version == 6) {
		siphash_take(&hash, siphash_word(&address[0]));
		siphash_take(&hash, siphash_word(&address[1]));
	} else {
		address[0] = packet->source.ip4;
		last = 20ULL << 56 | siphash_word(&address[0]);
	}
	siphash_take(&hash, last);
	hash.v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(&hash);
	return hash.v[0] ^ hash.v[1] ^ hash.v[2] ^ hash.v[3];
}

/* True if there is a secret with this number. */
static __always_inline bool is_secret(__u32 number)
{
	struct cookie_secret *secret = bpf_map_lookup_elem(&secrets, &number);
	const __u64 *halves = (void *)secret;

	return secret && (halves[0] | halves[1]);
}

/* True if the program has a secret, so that cookies are verified. */
static __always_inline bool has_secret(void)
{
	return is_secret(0) || is_secret(1);
}

/* True if the hash is that of the secret with this number. */
static __always_inline bool is_cookie_of(__u32 number, const __u64 *cookie,
					 const struct packet *packet)
{
	struct cookie_secret *secret = bpf_map_lookup_elem(&secrets, &number);
	const __u64 *halves = (void *)secret;

	return secret && (halves[0] | halves[1]) &&
	       cookie_hash(secret, cookie, packet) == cookie[2];
}

/* Verifies the cookie that is the first option of a query. */
static __always_inline enum cookie
verify_cookie(const struct packet *packet, const struct dns_query *query)
{
	struct dns_option *option =
		bounded_add(query->header, query->option, DNS_RECORD_MASK);
	void *bytes = option + 1;
	__u64 cookie[3];
	__s32 age;

	if (!query->cookie || bytes + COOKIE_SIZE > query->data_end ||
	    option->length != bpf_htons(COOKIE_SIZE))
		return COOKIE_NONE;
	for (int i = 0; i < 3; i++)
		cookie[i] = siphash_word(bytes + 8 * i);
	if ((cookie[1] & 0xff) != COOKIE_VERSION)
		return COOKIE_NONE;
	/* RFC 1982: the difference of serial numbers. */
	age = (__s32)(cookie_now() -
		      __builtin_bswap32((__u32)(cookie[1] >> 32)));
	if (age > COOKIE_MAX_AGE || age < -COOKIE_MAX_AHEAD)
		return COOKIE_STALE;
	if (is_cookie_of(0, cookie, packet) || is_cookie_of(1, cookie, packet))
		return COOKIE_VALID;
	return COOKIE_FORGED;
}

#endif
